// The agenda: keyboard and mouse functions of a page that works without them. The server renders everything;
// only a form typed when the session ends is kept, in the session storage, until the user signs in again.
"use strict";
(function () {
  var agenda = document.getElementById("agenda");
  if (!agenda) return;
  var KEPT = "agenda.typed", STEP = 15, POLL = 20000, WORN = 15000, REDRAW = 15;
  document.documentElement.classList.add("has-js");

  function byId(id) { return document.getElementById(id); }
  function isGrid() { return window.matchMedia("(min-width:64rem)").matches; }
  function two(n) { return String(n).padStart(2, "0"); }
  function clock(minutes) { return Math.floor(minutes / 60) + ":" + two(minutes % 60); }
  function hourLabel(minutes) {
    return Math.floor(minutes / 60) + "\u00a0h" + (minutes % 60 ? "\u00a0" + two(minutes % 60) : "");
  }

  // --- Position of an element, from the classes that the server rendered -------------------------
  function number(element, prefix) {
    var found = (" " + element.className + " ").match(new RegExp(" " + prefix + "(\\d+) "));
    return found ? Number(found[1]) : 0;
  }
  function placeOf(element) {
    var lane = element.closest(".lane"), day = element.closest(".wd");
    var start = number(element, "h") * 60 + number(element, "m");
    return {
      day: day.dataset.day, label: day.dataset.label, practitioner: lane.dataset.practitioner || "",
      place: element.dataset.at || lane.dataset.place || "", name: lane.dataset.name,
      start: start, length: number(element, "q") * 60 + number(element, "d")
    };
  }
  function minuteAt(lane, y) {
    var box = lane.getBoundingClientRect(), first = Number(agenda.dataset.first);
    var hours = agenda.querySelectorAll(".clock li").length;
    return first * 60 + ((y - box.top) / box.height) * hours * 60;
  }
  function classesOf(start, length) {
    return ["h" + Math.floor(start / 60), "m" + (start % 60)].concat(
      length >= 60 ? ["q" + Math.floor(length / 60)] : [], length % 60 ? ["d" + (length % 60)] : []);
  }

  // --- Dialogs ---------------------------------------------------------------------------------------
  var cameFrom = null;
  function open(dialog) {
    cameFrom = document.activeElement;
    if (!dialog.open) dialog.showModal();
  }
  document.addEventListener("click", function (event) {
    var asked = event.target.closest("[data-close]"), shown = event.target.closest("[data-dialog]");
    if (asked) asked.closest("dialog").close();
    if (shown && byId(shown.dataset.dialog)) {
      event.preventDefault();
      open(byId(shown.dataset.dialog));
    }
  });
  document.querySelectorAll("dialog").forEach(function (dialog) {
    dialog.addEventListener("close", function () {
      if (cameFrom && cameFrom.isConnected) cameFrom.focus();
    });
  });

  // --- The small form ----------------------------------------------------------------------------------
  var booking = byId("prendre"), form = booking && booking.querySelector("form");
  // The rule of booking/formats/names.py, for the hint only: the server splits the name that is stored.
  var titles = " m mr monsieur mme madame mlle mademoiselle dr docteur pr professeur me maître maitre ", particles = " d' da de del della den der des di dos du d’ la le les van von ";
  var doubled = {
    jean: " baptiste bernard charles christophe claude daniel françois gabriel jacques louis luc marc marie michel noël paul philippe pierre rené sébastien yves ",
    marie: " ange anne christine claire claude france françoise hélène jeanne josé laure line lou louise madeleine noëlle odile paule pierre rose thérèse ",
    anne: " charlotte claire cécile laure lise marie sophie "
  };
  function isTitle(word) { return titles.indexOf(" " + word.toLowerCase().replace(/\.$/, "") + " ") >= 0; }
  function splitName(typed) {
    var words = typed.replace(/^(m|mr|mme|mlle|dr|pr|me)\.(?=[a-zà-ÿ]{2})/i, "$1. ").trim().split(/\s+/), title = "";
    while (words.length > 1 && isTitle(words[0])) title = title || words[0], words.shift();
    var whole = words.join(" "), comma = whole.indexOf(",");
    var before = whole.slice(0, comma).trim(), after = whole.slice(comma + 1).trim();
    if (comma >= 0 && before && after) return [after, before];
    var parts = splitWords(whole.replace(/,/g, " ").trim().split(/\s+/).filter(Boolean));
    return [parts[0] || (parts[1] ? title : ""), parts[1] || title];
  }
  function splitWords(words) {
    var upper = words.map(function (word) { return word.length > 1 && isUpper(word); }), cut = 1, size = words.length;
    function at(number) { return [words.slice(number).join(" "), words.slice(0, number).join(" ")]; }
    if (size < 2) return ["", words.join("")];
    if (upper[0] && upper.indexOf(false) > 0) return at(upper.indexOf(false));
    if (upper[size - 1] && upper.indexOf(false) >= 0) return at(upper.lastIndexOf(false) + 1).reverse();
    if (/^d['’]/i.test(words[0])) return at(1);
    for (var count = 0; count < size && particles.indexOf(" " + words[count].toLowerCase() + " ") >= 0;) count += 1;
    if (count && count < size) return at(count + 1);
    if (size > 2 && (doubled[words[0].toLowerCase()] || "").indexOf(" " + words[1].toLowerCase() + " ") >= 0) cut = 2;
    return at(cut).reverse();
  }
  function isUpper(word) { return word === word.toUpperCase() && word !== word.toLowerCase(); }
  function showSplit() {
    var hint = byId("q-split"), parts = splitName(byId("q-name").value);
    hint.textContent = [parts[0] && hint.dataset.first + " : " + parts[0], parts[1] && hint.dataset.last + " : " + parts[1]]
      .filter(Boolean).join(", ");
  }
  function chooseAppointmentType() {
    var practitioner = byId("q-practitioner").selectedOptions[0], type = byId("q-appointment-type"), place = byId("q-place");
    Array.prototype.forEach.call(type.options, function (option) {
      option.hidden = option.disabled = !!practitioner && option.dataset.practitioner.split(" ").indexOf(practitioner.dataset.hex) < 0;
    });
    if (type.selectedOptions[0] && type.selectedOptions[0].disabled) {
      type.value = (Array.prototype.find.call(type.options, function (o) { return !o.disabled; }) || {}).value || "";
    }
    var where = type.selectedOptions[0] ? type.selectedOptions[0].dataset.places.split(" ") : [];
    Array.prototype.forEach.call(place.options, function (option) {
      option.hidden = option.disabled = where.indexOf(option.dataset.hex) < 0;
    });
    if (!place.selectedOptions[0] || place.selectedOptions[0].disabled) {
      place.value = (Array.prototype.find.call(place.options, function (o) { return !o.disabled; }) || {}).value || "";
    }
  }
  function showWhen() {
    var day = byId("q-day"), section = agenda.querySelector('.wd[data-day="' + day.value + '"]');
    var practitioner = byId("q-practitioner").selectedOptions[0], hour = byId("q-hour").value;
    byId("prendre-q").textContent = [section ? section.dataset.label : day.value, hour.replace(":", "\u00a0h\u00a0"),
      practitioner ? practitioner.textContent : ""].filter(Boolean).join(", ");
    var block = byId("q-block");
    if (block) block.search = new URLSearchParams({ praticien: byId("q-practitioner").value, jour: day.value, heure: hour }).toString();
  }
  function book(where, isOpen) {
    if (!booking) return false;
    form.reset();
    if (window.crypto && crypto.randomUUID) form.elements.form_ref.value = crypto.randomUUID();
    if (where.day) byId("q-day").value = where.day;
    byId("q-hour").value = clock(where.start);
    if (where.practitioner) byId("q-practitioner").value = where.practitioner;
    if (where.place) byId("q-place").value = where.place;
    chooseAppointmentType();
    if (where.place && !byId("q-place").querySelector('[value="' + where.place + '"]').disabled) byId("q-place").value = where.place;
    byId("q-when").open = !!isOpen;
    showSplit();
    showWhen();
    open(booking);
    byId("q-name").focus();
    return true;
  }
  function soon() {
    // The browser's own clock is near enough for a proposal that the form shows and lets correct.
    var now = new Date(), start = Math.ceil((now.getHours() * 60 + now.getMinutes()) / STEP) * STEP % 1440;
    var section = agenda.querySelector(".wd.today") || agenda.querySelector(".wd");
    return { day: section && section.dataset.day, start: section && section.classList.contains("today") ? start : 540 };
  }
  if (booking) {
    byId("q-name").addEventListener("input", showSplit);
    ["q-practitioner", "q-appointment-type"].forEach(function (id) { byId(id).addEventListener("change", chooseAppointmentType); });
    ["q-practitioner", "q-day", "q-hour"].forEach(function (id) { byId(id).addEventListener("input", showWhen); });
  }
  agenda.addEventListener("click", function (event) {
    var gap = event.target.closest(".ev.gap"), lane = event.target.closest(".lane"), shut = event.target.closest(".shut");
    if (!booking || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (gap) {
      var where = placeOf(gap);
      if (isGrid() && event.detail > 0) {
        var at = Math.floor(minuteAt(gap.closest(".lane"), event.clientY) / STEP) * STEP;
        where.start = Math.max(where.start, Math.min(at, where.start + where.length - STEP));
      }
      if (book(where)) event.preventDefault();
    } else if (lane && isGrid() && event.target === lane) {
      book({
        day: lane.closest(".wd").dataset.day, practitioner: lane.dataset.practitioner, place: lane.dataset.place,
        start: Math.floor(minuteAt(lane, event.clientY) / STEP) * STEP
      }, !lane.dataset.practitioner);
    } else if (shut && isGrid()) {
      book({ day: shut.closest(".wd").dataset.day, start: 540 }, true);
    }
  });

  // --- Keyboard -----------------------------------------------------------------------------------------
  function cells() { return Array.prototype.slice.call(agenda.querySelectorAll("a.ev")); }
  function centre(element) {
    var box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2, top: box.top, element: element };
  }
  function go(key) {
    var here = document.activeElement, all = cells();
    if (!here || !here.matches("a.ev")) {
      (agenda.querySelector(".wd.today a.ev") || all[0] || document.body).focus();
      return;
    }
    if (!isGrid()) {
      var next = all[all.indexOf(here) + (key === "ArrowDown" || key === "ArrowRight" ? 1 : -1)];
      if (next) next.focus();
      return;
    }
    var from = centre(here), lane = here.closest(".lane"), best = null;
    var lanes = Array.prototype.slice.call(agenda.querySelectorAll(".lane"));
    if (key === "ArrowUp" || key === "ArrowDown") {
      var column = all.filter(function (link) { return link.closest(".lane") === lane; });
      var other = column[column.indexOf(here) + (key === "ArrowDown" ? 1 : -1)];
      if (other) other.focus();
      return;
    }
    var step = key === "ArrowRight" ? 1 : -1;
    for (var i = lanes.indexOf(lane) + step; i >= 0 && i < lanes.length && !best; i += step) {
      best = Array.prototype.map.call(lanes[i].querySelectorAll("a.ev"), centre).sort(function (a, b) {
        return Math.abs(a.top - from.top) - Math.abs(b.top - from.top);
      })[0] || null;
    }
    if (best) best.element.focus();
  }
  function press(selector) {
    var target = document.querySelector(selector);
    if (target) target.click();
  }
  document.addEventListener("keydown", function (event) {
    // In a dialog that has just closed a field keeps the focus until the next frame: this is no typing.
    var dialog = event.target.closest("dialog");
    var typing = dialog ? dialog.open : event.target.closest("input,select,textarea,[contenteditable]");
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    if (event.key.indexOf("Arrow") === 0) {
      if (!event.target.closest("#agenda") && event.target !== document.body) return;
      event.preventDefault();
      go(event.key);
      return;
    }
    if (!("keys" in agenda.dataset)) return;
    var action = {
      n: function () {
        var here = document.activeElement, at = here && here.matches("#agenda a.ev") ? placeOf(here) : soon();
        if (!book(at, true)) press("#nouveau");
      },
      t: function () { press("#ce-jour"); },
      d: function () { press("[name=span][value=jour]"); },
      j: function () { press("[name=span][value=jour]"); },
      w: function () { press("[name=span][value=semaine]"); },
      s: function () { press("[name=span][value=semaine]"); },
      "?": function () { open(byId("aide")); }
    }[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });

  // --- Automatic refresh, which does not count as activity --------------------------------------------
  var lastAnswer = Date.now(), turns = 0, isOut = false;
  function poll() {
    return fetch(agenda.dataset.pulse, {
      headers: { "X-Refresh": "1", "If-None-Match": '"' + agenda.dataset.version + '"' },
      redirect: "manual", cache: "no-store", credentials: "same-origin"
    }).then(function (answer) {
      isOut = answer.type === "opaqueredirect" || answer.status === 401;
      if (!isOut) lastAnswer = Date.now();
      return isOut ? "out" : answer.status === 200 ? "changed" : "same";
    }).catch(function () { return "away"; });
  }
  function redraw() {
    if (document.querySelector("dialog[open]") || document.querySelector(".ghost")) return Promise.resolve();
    return fetch(location.href, {
      headers: { "X-Refresh": "1" }, redirect: "manual", cache: "no-store", credentials: "same-origin"
    }).then(function (answer) {
      return answer.status === 200 ? answer.text() : "";
    }).then(function (text) {
      if (!text || document.querySelector("dialog[open]")) return;
      var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("agenda");
      if (!fresh) return;
      var here = document.activeElement, at = here && here.closest("#agenda") ? here.getAttribute("href") : null;
      // Names from a calendar stay visible while they are loaded again.
      agenda.querySelectorAll("[data-nom]").forEach(function (old) {
        var same = fresh.querySelector('[data-nom="' + old.dataset.nom + '"]');
        if (same) same.textContent = old.textContent;
      });
      agenda.replaceChildren.apply(agenda, Array.prototype.slice.call(fresh.childNodes));
      agenda.dataset.version = fresh.dataset.version;
      agenda.dataset.first = fresh.dataset.first;
      if (at) {
        var same = Array.prototype.find.call(agenda.querySelectorAll("a"), function (a) { return a.getAttribute("href") === at; });
        if (same) same.focus();
      }
      if (window.htmx) window.htmx.process(agenda);
      agenda.dispatchEvent(new CustomEvent("agenda:drawn"));
    });
  }
  function beat() {
    if (document.hidden) return;
    poll().then(function (state) {
      turns += 1;
      if (state === "out") return leave();
      if (state === "changed" || (state === "same" && turns % REDRAW === 0)) return redraw();
      return undefined;
    });
  }
  setInterval(beat, POLL);
  document.addEventListener("visibilitychange", beat);

  // --- A session that ended while a form was being filled in --------------------------------------------
  function leave() {
    // The session timed out or was ended elsewhere: names must not stay on the screen.
    if (booking && booking.open) return keep(form);
    location.href = agenda.dataset.login + "?next=" + encodeURIComponent(location.pathname + location.search);
    return undefined;
  }
  function keep(which) {
    var values = {};
    new FormData(which).forEach(function (value, name) {
      if (name !== "csrfmiddlewaretoken") values[name] = value;
    });
    sessionStorage.setItem(KEPT, JSON.stringify({ user: agenda.dataset.user, values: values }));
    location.href = agenda.dataset.login + "?next=" + encodeURIComponent(location.pathname + location.search) + "&garde=1";
  }
  document.addEventListener("submit", function (event) {
    var which = event.target;
    if (!which.matches("[data-keep]") || which.dataset.sure || Date.now() - lastAnswer < WORN) return;
    event.preventDefault();
    poll().then(function (state) {
      if (state === "out") return keep(which);
      which.dataset.sure = "1";
      return which.requestSubmit(event.submitter);
    });
  });
  function giveBack() {
    var kept = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    if (!kept || !booking) return;
    kept = JSON.parse(kept);
    if (kept.user !== agenda.dataset.user) return;
    book({ day: kept.values.day, start: 0, practitioner: kept.values.practitioner, place: kept.values.place }, true);
    Object.keys(kept.values).forEach(function (name) {
      if (form.elements[name]) form.elements[name].value = kept.values[name];
    });
    showSplit();
    showWhen();
  }
  giveBack();

  window.agendaOf = { root: agenda, placeOf: placeOf, minuteAt: minuteAt, classesOf: classesOf, isGrid: isGrid, hourLabel: hourLabel, clock: clock, open: open, hasKeys: function () { return "keys" in agenda.dataset; }, step: STEP };
})();
