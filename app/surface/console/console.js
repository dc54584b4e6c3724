// What pages do beyond links and forms. Every page works without it.
(() => {
  "use strict";

  const status = () => document.getElementById("status");

  // say tells what was done to who listens to the page.
  const say = (text) => {
    const box = status();
    if (!box || !text) return;
    const line = document.createElement("p");
    line.className = "said";
    line.textContent = text;
    box.replaceChildren(line);
  };

  // After a page came, or a part of it, the focus goes to what changed.
  const focusOn = (root) => {
    const target = root.querySelector("[data-focus]");
    if (target) target.focus({ preventScroll: false });
  };

  // On a narrow screen each row of a list is a card, whose cells say what they are.
  const labelCells = (root) => {
    for (const table of root.querySelectorAll(".scroll > table:not(.matrix)")) {
      const named = (head) => (head.querySelector("a") ?? head).textContent.trim();
      const heads = [...(table.tHead?.rows[0].cells ?? [])].map(named);
      for (const cell of table.querySelectorAll("tbody td")) {
        if (cell.textContent.trim() || cell.children.length) cell.dataset.label = heads[cell.cellIndex] ?? "";
      }
      table.classList.add("stacked");
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    focusOn(document);
    labelCells(document);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const part = event.detail.elt;
    focusOn(part);
    labelCells(part);
    const told = part.querySelector("[data-say]") || (part.matches("[data-say]") ? part : null);
    if (told) say(told.dataset.say);
  });

  // A part that could not be had: the page is asked for whole, which says why.
  document.addEventListener("htmx:responseError", (event) => {
    const link = event.detail.elt.closest("a[href]");
    if (link) window.location.assign(link.href);
  });

  // A form that was refused comes back with what is wrong, as the browser would show it. What is no page of ours, or
  // did not come, is for the browser to show.
  const itsForm = (event) => (event.detail.requestConfig?.verb === "post" ? event.detail.elt : null);
  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = itsForm(event);
    if (!form || !event.detail.isError) return;
    if (event.detail.serverResponse.includes('id="main"')) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    } else {
      form.submit();
    }
  });
  document.addEventListener("htmx:sendError", (event) => itsForm(event)?.submit());

  // Pickers ask for what fits while somebody types, and take what is chosen. The arrow keys go through it.
  let waiting = 0;
  document.addEventListener("input", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.dataset.find) return;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const found = document.getElementById(box.getAttribute("aria-controls"));
      const typed = box.value.trim();
      if (typed === "") {
        found.replaceChildren();
        return;
      }
      const address = new URL(box.dataset.find, document.location.href);
      address.searchParams.set("q", typed);
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (!answer.ok || box.value.trim() !== typed) return;
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      found.replaceChildren(...part.body.childNodes);
    }, 200);
  });
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("button[data-choose]");
    if (chosen) {
      const found = chosen.closest(".found");
      const box = document.querySelector(`[aria-controls="${CSS.escape(found.id)}"]`);
      box.value = chosen.dataset.choose;
      found.replaceChildren();
      box.focus();
      return;
    }
    const copy = event.target.closest("button[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(() => say(copy.dataset.said));
    }
  });
  document.addEventListener("keydown", (event) => {
    const picker = event.target.closest?.(".picker");
    if (!picker) return;
    const box = picker.querySelector("[data-find]"), found = picker.querySelector(".found");
    if (event.key === "Escape") {
      box.focus();
      found.replaceChildren();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const stops = [box, ...found.querySelectorAll("button")];
    const next = step && stops[stops.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });

  // The address of a list names only what it is narrowed by.
  document.addEventListener("formdata", (event) => {
    if (event.target.method !== "get") return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });

  // What somebody looked for is not kept in the browser: htmx notes where they are.
  const forget = () => sessionStorage.removeItem("htmx-current-path-for-history");
  forget();
  document.addEventListener("htmx:pushedIntoHistory", forget);

  // A new password is weighed while somebody types it. That is advice: what decides is the server.
  const weigh = (password, least, names) => {
    let text = password.normalize("NFKC").toLowerCase();
    if ([...password.normalize("NFC")].length < least) return 0;
    for (const name of names) text = text.replaceAll(name, "");
    const runes = [...text].map((rune) => rune.codePointAt(0));
    let fresh = 0; // characters that do not follow from those before them
    runes.forEach((rune, i) => {
      const step = i > 1 && rune - runes[i - 1];
      if (i > 1 && Math.abs(step) < 2 && step === runes[i - 1] - runes[i - 2]) return;
      const part = String.fromCodePoint(...runes.slice(Math.max(i - 2, 0), i + 1));
      if (i > 2 && text.indexOf(part) < String.fromCodePoint(...runes.slice(0, i - 2)).length) return;
      fresh++;
    });
    const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /\p{Lo}/u, /[^\p{L}\p{N}]/u];
    const signs = /\p{Lo}/u.test(password) ? 3 : 0; // of scripts that have many
    const bits = fresh * (2 + signs + kinds.filter((kind) => kind.test(password)).length);
    return 1 + [40, 50, 75].filter((enough) => bits >= enough).length;
  };
  document.addEventListener("input", (event) => {
    const box = event.target;
    const meter = box.form?.querySelector(`[data-meter="${CSS.escape(box.name ?? "")}"]`);
    if (!meter) return;
    const mine = [...box.form.querySelectorAll('[autocomplete="username"], [name="mailaddress"], [name="user"]')];
    const words = mine.flatMap((field) => field.value.toLowerCase().split(/[^\p{L}\p{N}]+/u));
    const names = words.filter((word) => word.length > 2);
    const level = weigh(box.value, Number(meter.dataset.least), names);
    const [bar, said] = meter.children;
    const text = meter.dataset.levels.split("|")[level];
    meter.hidden = box.value === "";
    bar.value = level;
    if (said.textContent !== text) said.textContent = text;
  });

  // Buttons that only scripts can serve.
  document.addEventListener("DOMContentLoaded", () => {
    for (const hidden of document.querySelectorAll("[data-script]")) hidden.hidden = false;
  });
})();
