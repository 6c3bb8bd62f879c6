// Proof of work: during an attack on a practice the visitor's browser computes for about a second per form. Stores
// nothing.
"use strict";
(function () {
  var field = document.getElementById("id_work");
  if (!field || !window.crypto || !crypto.subtle) return;
  var task = JSON.parse(field.dataset.challenge);
  var encoder = new TextEncoder();
  function hex(buffer) {
    return Array.from(new Uint8Array(buffer), function (b) { return b.toString(16).padStart(2, "0"); }).join("");
  }
  async function solve() {
    for (var n = 0; n <= task.maxnumber; n += 1) {
      var digest = await crypto.subtle.digest(task.algorithm, encoder.encode(task.salt + n));
      if (hex(digest) === task.challenge) {
        field.value = btoa(JSON.stringify({
          algorithm: task.algorithm, challenge: task.challenge, number: n, salt: task.salt, signature: task.signature
        }));
        var status = document.getElementById("travail");
        if (status) status.textContent = status.dataset.done;
        return;
      }
    }
  }
  solve();
})();
