// Moves an appointment, or its end, by pointer or keyboard: a ghost shows the target, a dialog asks whether
// to notify the person, and its form sends the change. Without this file the forms do the same.
"use strict";
(function () {
  var tools = window.agendaOf, dialog = document.getElementById("glisser");
  if (!tools || !dialog) return;
  var form = dialog.querySelector("form"), drag = null, justDragged = false, NEAR = 6, NOBODY = "00000000-0000-0000-0000-000000000000";

  function lanes() { return Array.prototype.slice.call(tools.root.querySelectorAll(".lane")); }
  function refOf(link) { return new URL(link.href).searchParams.get("rdv"); }

  function lift(link, isEnd) {
    var from = tools.placeOf(link), ghost = link.cloneNode(true);
    ghost.removeAttribute("href");
    ghost.removeAttribute("aria-current");
    ghost.setAttribute("aria-hidden", "true");
    ghost.className = "ev ghost " + (link.className.match(/\bp\d\b/) || ["p1"])[0];
    drag = { link: link, from: from, isEnd: isEnd, ghost: ghost, lane: link.closest(".lane"), start: from.start, length: from.length };
    link.classList.add("lifted");
    document.documentElement.classList.add("dragging");
    draw();
  }
  function draw() {
    var first = Number(tools.root.dataset.first) * 60, hours = tools.root.querySelectorAll(".clock li").length * 60;
    drag.length = Math.max(tools.step, Math.min(drag.length, 720, first + hours - drag.start));
    drag.start = Math.max(first, Math.min(drag.start, first + hours - drag.length));
    drag.ghost.className = drag.ghost.className.replace(/ [hmqd]\d+/g, "") + " " + tools.classesOf(drag.start, drag.length).join(" ");
    if (drag.ghost.parentNode !== drag.lane) drag.lane.appendChild(drag.ghost);
    drag.ghost.querySelectorAll("b ~ *").forEach(function (node) { node.remove(); });
    Array.prototype.slice.call(drag.ghost.childNodes).forEach(function (node) { if (node.nodeType === 3) node.remove(); });
    drag.ghost.append(" " + tools.hourLabel(drag.start) + (drag.isEnd ? " – " + tools.hourLabel(drag.start + drag.length) : ""));
  }
  function endDrag() {
    drag.ghost.remove();
    drag.link.classList.remove("lifted");
    document.documentElement.classList.remove("dragging");
    drag = null;
  }
  function confirmDrag() {
    var day = drag.lane.closest(".wd"), from = drag.from, link = drag.link;
    var isLonger = drag.length !== from.length;
    var hasMoved = drag.start !== from.start || day.dataset.day !== from.day || drag.lane !== link.closest(".lane");
    if (!isLonger && !hasMoved) return endDrag();
    var by = isLonger ? "length" : "move", fields = form.elements;
    form.action = form.dataset[by].replace(NOBODY, refOf(link));
    fields.sequence.value = link.dataset.v;
    fields.day.value = day.dataset.day;
    fields.hour.value = tools.clock(drag.start);
    fields.until.value = tools.clock(drag.start + drag.length);
    fields.practitioner.value = drag.lane.dataset.practitioner || "";
    fields.place.value = drag.lane.dataset.place || "";
    ["day", "hour", "practitioner", "place"].forEach(function (name) { fields[name].disabled = isLonger || !fields[name].value; });
    fields.until.disabled = !isLonger;
    form.querySelector("button[value=on]").hidden = link.hasAttribute("data-mute");
    document.getElementById("glisser-t").textContent = document.getElementById("glisser-t").dataset[by];
    document.getElementById("glisser-q").textContent = link.querySelector("b").textContent + " : " + day.dataset.label + ", " +
      tools.hourLabel(drag.start) + " – " + tools.hourLabel(drag.start + drag.length) + ", " + drag.lane.dataset.name;
    endDrag();
    link.focus();
    tools.open(dialog);
    return undefined;
  }

  // --- Pointer -------------------------------------------------------------------------------------------
  tools.root.addEventListener("pointerdown", function (event) {
    var link = event.target.closest("a.ev:not(.gap):not(.ghost)");
    if (!link || event.button || !tools.isGrid() || drag) return;
    var box = link.getBoundingClientRect(), isEnd = event.clientY > box.bottom - 7, down = event;
    var grip = tools.minuteAt(link.closest(".lane"), event.clientY) - tools.placeOf(link).start, isLifted = false;
    function move(now) {
      if (!isLifted && Math.hypot(now.clientX - down.clientX, now.clientY - down.clientY) < NEAR) return;
      if (!isLifted) {
        isLifted = true;
        lift(link, isEnd);
      }
      var under = document.elementsFromPoint(now.clientX, now.clientY).find(function (element) { return element.matches(".lane"); });
      var at = Math.round(tools.minuteAt(drag.lane, now.clientY) / tools.step) * tools.step;
      if (isEnd) {
        drag.length = at - drag.start;
      } else {
        if (under) drag.lane = under;
        drag.start = Math.round((tools.minuteAt(drag.lane, now.clientY) - grip) / tools.step) * tools.step;
      }
      draw();
    }
    function up() {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", up);
      document.removeEventListener("pointercancel", cancel);
      if (!isLifted) return;
      justDragged = true;
      setTimeout(function () { justDragged = false; }, 0);
      if (drag) confirmDrag();
    }
    function cancel() {
      if (drag) endDrag();
      up();
    }
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", up);
    document.addEventListener("pointercancel", cancel);
  });
  tools.root.addEventListener("dragstart", function (event) { event.preventDefault(); });
  tools.root.addEventListener("click", function (event) {
    if (justDragged) event.preventDefault();
  }, true);

  // --- Keyboard: m lifts, arrows move, shift and arrows change the end, Enter confirms, Escape cancels ---
  document.addEventListener("keydown", function (event) {
    var link = document.activeElement;
    if (!drag) {
      if (event.key === "m" && tools.hasKeys() && tools.isGrid() && link && link.matches("#agenda a.ev:not(.gap)") && !document.querySelector("dialog[open]")) {
        event.preventDefault();
        lift(link, false);
      }
      return;
    }
    var turn = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (turn) {
      event.preventDefault();
      if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        if (event.shiftKey) {
          drag.isEnd = true;
          drag.length += turn * tools.step;
        } else {
          drag.start += turn * tools.step;
        }
      } else {
        drag.lane = lanes()[lanes().indexOf(drag.lane) + turn] || drag.lane;
      }
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      confirmDrag();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      endDrag();
    }
  }, true);
})();
