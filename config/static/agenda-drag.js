// Moving an appointment, or its end, by pointer or by keyboard: a ghost shows where, a question asks whether
// the person is told, and the server's own form does it. Without this file the forms do the same.
"use strict";
(function () {
  var tools = window.agendaOf, dialog = document.getElementById("glisser");
  if (!tools || !dialog) return;
  var form = dialog.querySelector("form"), held = null, justDragged = false, NEAR = 6, NOBODY = "00000000-0000-0000-0000-000000000000";

  function lanes() { return Array.prototype.slice.call(tools.root.querySelectorAll(".lane")); }
  function refOf(link) { return new URL(link.href).searchParams.get("rdv"); }

  function lift(link, isEnd) {
    var from = tools.placeOf(link), ghost = link.cloneNode(true);
    ghost.removeAttribute("href");
    ghost.removeAttribute("aria-current");
    ghost.setAttribute("aria-hidden", "true");
    ghost.className = "ev ghost " + (link.className.match(/\bp\d\b/) || ["p1"])[0];
    held = { link: link, from: from, isEnd: isEnd, ghost: ghost, lane: link.closest(".lane"), start: from.start, length: from.length };
    link.classList.add("lifted");
    document.documentElement.classList.add("dragging");
    draw();
  }
  function draw() {
    var first = Number(tools.root.dataset.first) * 60, hours = tools.root.querySelectorAll(".clock li").length * 60;
    held.length = Math.max(tools.step, Math.min(held.length, 720, first + hours - held.start));
    held.start = Math.max(first, Math.min(held.start, first + hours - held.length));
    held.ghost.className = held.ghost.className.replace(/ [hmqd]\d+/g, "") + " " + tools.classesOf(held.start, held.length).join(" ");
    if (held.ghost.parentNode !== held.lane) held.lane.appendChild(held.ghost);
    held.ghost.querySelectorAll("b ~ *").forEach(function (one) { one.remove(); });
    Array.prototype.slice.call(held.ghost.childNodes).forEach(function (node) { if (node.nodeType === 3) node.remove(); });
    held.ghost.append(" " + tools.said(held.start) + (held.isEnd ? " – " + tools.said(held.start + held.length) : ""));
  }
  function drop() {
    held.ghost.remove();
    held.link.classList.remove("lifted");
    document.documentElement.classList.remove("dragging");
    held = null;
  }
  function settle() {
    var day = held.lane.closest(".wd"), from = held.from, link = held.link;
    var isLonger = held.length !== from.length;
    var hasMoved = held.start !== from.start || day.dataset.day !== from.day || held.lane !== link.closest(".lane");
    if (!isLonger && !hasMoved) return drop();
    var by = isLonger ? "length" : "move", fields = form.elements;
    form.action = form.dataset[by].replace(NOBODY, refOf(link));
    fields.sequence.value = link.dataset.v;
    fields.day.value = day.dataset.day;
    fields.hour.value = tools.clock(held.start);
    fields.until.value = tools.clock(held.start + held.length);
    fields.practitioner.value = held.lane.dataset.who || "";
    fields.place.value = held.lane.dataset.place || "";
    ["day", "hour", "practitioner", "place"].forEach(function (name) { fields[name].disabled = isLonger || !fields[name].value; });
    fields.until.disabled = !isLonger;
    form.querySelector("[name=tell][value=on]").hidden = link.hasAttribute("data-mute");
    document.getElementById("glisser-t").textContent = document.getElementById("glisser-t").dataset[by];
    document.getElementById("glisser-q").textContent = link.querySelector("b").textContent + " : " + day.dataset.label + ", " +
      tools.said(held.start) + " – " + tools.said(held.start + held.length) + ", " + held.lane.dataset.name;
    drop();
    link.focus();
    tools.open(dialog);
    return undefined;
  }

  // --- Pointer -------------------------------------------------------------------------------------------
  tools.root.addEventListener("pointerdown", function (event) {
    var link = event.target.closest("a.ev:not(.gap):not(.ghost)");
    if (!link || event.button || !tools.isGrid() || held) return;
    var box = link.getBoundingClientRect(), isEnd = event.clientY > box.bottom - 7, down = event;
    var grip = tools.minuteAt(link.closest(".lane"), event.clientY) - tools.placeOf(link).start, isLifted = false;
    function move(now) {
      if (!isLifted && Math.hypot(now.clientX - down.clientX, now.clientY - down.clientY) < NEAR) return;
      if (!isLifted) {
        isLifted = true;
        lift(link, isEnd);
      }
      var over = document.elementsFromPoint(now.clientX, now.clientY).find(function (one) { return one.matches(".lane"); });
      var at = Math.round(tools.minuteAt(held.lane, now.clientY) / tools.step) * tools.step;
      if (isEnd) {
        held.length = at - held.start;
      } else {
        if (over) held.lane = over;
        held.start = Math.round((tools.minuteAt(held.lane, now.clientY) - grip) / tools.step) * tools.step;
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
      if (held) settle();
    }
    function cancel() {
      if (held) drop();
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

  // --- Keyboard: m lifts, arrows move, shift and arrows change the end, Enter puts down, Escape gives up ---
  document.addEventListener("keydown", function (event) {
    var link = document.activeElement;
    if (!held) {
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
          held.isEnd = true;
          held.length += turn * tools.step;
        } else {
          held.start += turn * tools.step;
        }
      } else {
        held.lane = lanes()[lanes().indexOf(held.lane) + turn] || held.lane;
      }
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      settle();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      drop();
    }
  }, true);
})();
