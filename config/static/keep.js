// Before a form is sent, the page checks that the session is still open. When it has ended, the values are kept
// in the session storage of this tab until the same account opens the same page again. Passwords, one-time codes
// and files are never kept. The agenda's own script does this for the forms of its page.
"use strict";
(function () {
  var KEPT = "form.typed", WORN = 15000, NEVER = "[type=password],[type=file],[autocomplete=one-time-code]";
  var about = document.body.dataset, opened = Date.now();
  if (!about.user || document.getElementById("agenda")) return;

  function here() { return location.pathname + location.search; }
  // Read as an attribute: a button that is called "action" hides the property.
  function forms() {
    return Array.prototype.filter.call(document.forms, function (form) { return form.getAttribute("method") === "post"; });
  }
  function target(form) { return form.getAttribute("action") || ""; }
  // Forms of one page differ by their address and, with the same address, by their order.
  function nameOf(form) {
    var same = forms().filter(function (other) { return target(other) === target(form); });
    return target(form) + "#" + same.indexOf(form);
  }
  function isKept(field) {
    return field.name && field.name !== "csrfmiddlewaretoken" && field.type !== "submit" && !field.matches(NEVER);
  }
  function keep(form) {
    var values = {};
    Array.prototype.filter.call(form.elements, isKept).forEach(function (field) {
      var isChoice = field.type === "checkbox" || field.type === "radio", list = values[field.name] = values[field.name] || [];
      if (field.multiple && field.options) {
        Array.prototype.forEach.call(field.selectedOptions, function (option) { list.push(option.value); });
      } else if (!isChoice || field.checked) list.push(field.value);
    });
    sessionStorage.setItem(KEPT, JSON.stringify({ user: about.user, page: here(), form: nameOf(form), values: values }));
    location.href = about.login + "?next=" + encodeURIComponent(here()) + "&garde=1";
  }
  function fill(field, list, place) {
    if (field.type === "checkbox" || field.type === "radio") field.checked = list.indexOf(field.value) >= 0;
    else if (field.multiple && field.options) {
      Array.prototype.forEach.call(field.options, function (option) { option.selected = list.indexOf(option.value) >= 0; });
    } else if (place < list.length) field.value = list[place];
  }
  // An editor grows by its buttons: the server draws it again with the fields that were added.
  function lacks(form, kept) {
    return form.dataset.redraw && !kept.isRedrawn && Object.keys(kept.values).some(function (name) {
      return !form.querySelector('[name="' + CSS.escape(name) + '"]');
    });
  }
  function redraw(form, kept) {
    var sent = document.createElement("form"), values = Object.assign({}, kept.values);
    values.action = [form.dataset.redraw];
    values.csrfmiddlewaretoken = [form.elements.csrfmiddlewaretoken.value];
    kept.isRedrawn = true;
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
    sent.setAttribute("method", "post");
    Object.keys(values).forEach(function (name) {
      values[name].forEach(function (value) {
        var field = document.createElement("input");
        field.type = "hidden";
        field.name = name;
        field.value = value;
        sent.append(field);
      });
    });
    document.body.append(sent);
    sent.submit();
  }
  function giveBack() {
    var kept = JSON.parse(sessionStorage.getItem(KEPT) || "null"), places = {};
    sessionStorage.removeItem(KEPT);
    if (!kept || kept.user !== about.user || kept.page !== here()) return;
    var form = forms().find(function (other) { return nameOf(other) === kept.form; });
    if (!form) return;
    if (lacks(form, kept)) return redraw(form, kept);
    Array.prototype.filter.call(form.elements, isKept).forEach(function (field) {
      var list = kept.values[field.name] || [], place = places[field.name] || 0;
      places[field.name] = place + 1;
      fill(field, list, place);
    });
    for (var fold = form.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    var notice = document.createElement("p");
    notice.className = "alert";
    notice.setAttribute("role", "status");
    notice.textContent = about.kept;
    form.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  }
  function check(event) {
    var form = event.target, button = event.submitter;
    if (forms().indexOf(form) < 0 || form.dataset.sure || Date.now() - opened < WORN) return;
    event.preventDefault();
    fetch(about.pulse, {
      method: "HEAD", headers: { "X-Refresh": "1" }, redirect: "manual", cache: "no-store", credentials: "same-origin"
    }).then(function (answer) { return answer.type === "opaqueredirect" || answer.status === 401; })
      .catch(function () { return false; })
      .then(function (isOut) {
        if (isOut) return keep(form);
        form.dataset.sure = "1";
        return form.requestSubmit(button);
      });
  }
  // A preview or an editor button that meets the end of the session: htmx would leave the page with its text.
  function leave(event) {
    var origin = event.detail.elt, included = origin.getAttribute("hx-include");
    var form = origin.closest("form") || (included && document.querySelector(included));
    if (!form || !event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    event.preventDefault();
    keep(form);
  }
  document.addEventListener("submit", check);
  document.addEventListener("htmx:beforeOnLoad", leave);
  giveBack();
})();
