// Keys need a script: what uses them is shown only where the browser can do it.
if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-webauthn]")) part.hidden = false;
}
