// Reorders a list by dragging its lines at their handle, by touch or mouse; the form then sends the order.
"use strict";
(function () {
  // The line itself is moved only at the end: an element removed from the page loses the pointer capture.
  function begin(list, form, grip) {
    var line = grip.closest("li");
    var goal = null;
    var isAfter = false;
    function mark(other, after) {
      if (goal) goal.classList.remove("insert-before", "insert-after");
      goal = other;
      isAfter = after;
      if (goal) goal.classList.add(after ? "insert-after" : "insert-before");
    }
    function onMove(event) {
      var under = document.elementFromPoint(event.clientX, event.clientY);
      var other = under && under.closest("li");
      if (!other || other === line || other.parentNode !== list || !other.dataset.ref) {
        mark(null, false);
        return;
      }
      var box = other.getBoundingClientRect();
      mark(other, event.clientY > box.top + box.height / 2);
    }
    function end(event) {
      var chosen = event.type === "pointerup" ? goal : null;
      var after = isAfter;
      grip.removeEventListener("pointermove", onMove);
      grip.removeEventListener("pointerup", end);
      grip.removeEventListener("pointercancel", end);
      line.classList.remove("dragged");
      mark(null, false);
      if (!chosen) return;
      list.insertBefore(line, after ? chosen.nextSibling : chosen);
      send(list, form);
    }
    line.classList.add("dragged");
    grip.addEventListener("pointermove", onMove);
    grip.addEventListener("pointerup", end);
    grip.addEventListener("pointercancel", end);
  }
  function send(list, form) {
    Array.from(list.children).forEach(function (line) {
      if (!line.dataset.ref) return;
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = "order";
      field.value = line.dataset.ref;
      form.appendChild(field);
    });
    form.submit();
  }
  document.querySelectorAll("[data-order-form]").forEach(function (list) {
    var form = document.getElementById(list.dataset.orderForm);
    list.querySelectorAll(".grip").forEach(function (grip) {
      grip.hidden = false;
      grip.addEventListener("pointerdown", function (event) {
        if (event.button) return;
        event.preventDefault();
        grip.setPointerCapture(event.pointerId);
        begin(list, form, grip);
      });
    });
  });
})();
