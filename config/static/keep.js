// Before a form is sent, the page checks that the session is still open. When it has ended, the values are kept
// in the session storage of this tab until the same account opens the same page again.
"use strict";
(function () {
  var KEPT = "form.typed", WORN = 15000;
  var form = document.querySelector("form[data-keep]"), opened = Date.now();
  if (!form || document.getElementById("agenda")) return;

  function here() { return location.pathname + location.search; }
  function keep() {
    var values = {};
    new FormData(form).forEach(function (value, name) {
      if (name !== "csrfmiddlewaretoken" && typeof value === "string") values[name] = value;
    });
    sessionStorage.setItem(KEPT, JSON.stringify({ user: form.dataset.user, page: here(), values: values }));
    location.href = form.dataset.login + "?next=" + encodeURIComponent(here());
  }
  function fill(field, value) {
    if (field.type === "checkbox" || field.type === "radio") field.checked = field.value === value;
    else if (field.type !== "hidden") field.value = value;
  }
  function giveBack() {
    var kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    sessionStorage.removeItem(KEPT);
    if (!kept || kept.user !== form.dataset.user || kept.page !== here()) return;
    form.querySelectorAll("input[type=checkbox]").forEach(function (box) { box.checked = false; });
    Object.keys(kept.values).forEach(function (name) {
      form.querySelectorAll('[name="' + CSS.escape(name) + '"]').forEach(function (field) {
        fill(field, kept.values[name]);
      });
    });
  }
  form.addEventListener("submit", function (event) {
    if (form.dataset.sure || Date.now() - opened < WORN) return;
    event.preventDefault();
    var button = event.submitter;
    fetch(form.dataset.pulse, {
      headers: { "X-Refresh": "1" }, redirect: "manual", cache: "no-store", credentials: "same-origin"
    }).then(function (answer) { return answer.type === "opaqueredirect" || answer.status === 401; })
      .catch(function () { return false; })
      .then(function (isOut) {
        if (isOut) return keep();
        form.dataset.sure = "1";
        return form.requestSubmit(button);
      });
  });
  giveBack();
})();
