// Shows the controls for passkeys in browsers that support them.
if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-webauthn]")) part.hidden = false;
}
