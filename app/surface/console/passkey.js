// What makes and proves passkeys. A page without scripts, or a browser without passkeys, does not offer them.
(() => {
  "use strict";

  const keys = window.PublicKeyCredential;
  const can = Boolean(keys?.parseCreationOptionsFromJSON && keys.parseRequestOptionsFromJSON);

  document.addEventListener("DOMContentLoaded", () => {
    for (const part of document.querySelectorAll("[data-passkeys]")) part.hidden = !can;
    for (const part of document.querySelectorAll("[data-without-passkeys]")) part.hidden = can;
    const accepted = document.querySelector("[data-accepted]")?.dataset.accepted;
    if (accepted && keys?.signalAllAcceptedCredentials) {
      keys.signalAllAcceptedCredentials(JSON.parse(accepted)).catch(() => {}); // the browser forgets the others
    }
  });

  const ask = async (form) => {
    const fields = new FormData(form);
    fields.delete("once");
    const answer = await fetch(form.dataset.challenge, { method: "POST", body: new URLSearchParams(fields),
      credentials: "same-origin" });
    if (answer.redirected) { // to sign in, or to prove more
      location.assign(answer.url);
      return new Promise(() => {});
    }
    const told = await answer.json();
    if (!answer.ok) return Promise.reject(told.problem);
    const made = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(told) })
      : await navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(told) });
    return JSON.stringify(made.toJSON());
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.passkey) return;
    event.preventDefault();
    if (!form.reportValidity()) return; // before there is a passkey that has no name
    const problem = form.querySelector("[role=alert]");
    problem.textContent = "";
    try {
      form.elements.answer.value = await ask(form);
      if (form.elements.password) form.elements.password.value = "";
      form.submit();
    } catch (why) {
      problem.textContent = typeof why === "string" ? why : form.dataset.failed;
      problem.hidden = false;
    }
  });
})();
