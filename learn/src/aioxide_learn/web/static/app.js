// Keys, drag and drop, and results as they come. Everything else is HTML and htmx.
"use strict";

(() => {
  // An element with data-key is clicked, or focused if it is a field, when its key is pressed.
  const seen = (element) => element.offsetParent !== null && !element.disabled;
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");

  // A part that was just put into the page is htmx's a moment later. Until then a click would send
  // its form without htmx, and the answer would be lost.
  const press = (element, tries = 0) => {
    const owner = element.closest("[hx-post]");
    if (owner && !owner.dataset.htmxPowered && tries < 100) setTimeout(press, 10, element, tries + 1);
    else if (element.isConnected) element.click();
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && event.target.matches("input, textarea, select")) {
      event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    // The space bar presses the button that has the focus, whatever else it means.
    if (event.key === " " && event.target.closest("button, a, summary, input")) return;
    const wanted = [...document.querySelectorAll("[data-key]")].find(
      (element) => element.dataset.key === event.key && seen(element));
    if (!wanted) return;
    event.preventDefault();
    if (wanted.matches("input, textarea")) wanted.focus();
    else {
      press(wanted);
      const field = wanted.closest("details[open]")?.querySelector("textarea, select");
      if (wanted.matches("summary") && field) field.focus();
    }
  });

  document.addEventListener("click", (event) => {
    const reveal = event.target.closest("[data-reveal]");
    if (reveal) {
      document.getElementById(reveal.dataset.reveal).hidden = false;
      reveal.hidden = true;
      document.querySelector(".grades button[value='3']")?.closest("fieldset").scrollIntoView({ block: "nearest" });
      reveal.closest("[data-focus]")?.focus({ preventScroll: true });
    }
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const list = document.getElementById("keys-list");
      list.replaceChildren();
      for (const element of document.querySelectorAll("[data-key-name]")) {
        const key = document.createElement("dt");
        const name = document.createElement("dd");
        key.textContent = element.dataset.key === " " ? "space" : element.dataset.key;
        name.textContent = element.dataset.keyName;
        list.append(key, name);
      }
      document.getElementById(opener.dataset.dialog).showModal();
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-theme-choice]")) document.documentElement.dataset.theme = event.target.value;
  });

  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("hx-post") && !event.target.dataset.htmxPowered) event.preventDefault();
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // After an answer the next card has the focus: a screen reader reads it.
  document.addEventListener("htmx:after:swap", () => {
    if (document.activeElement === document.body || !document.activeElement) {
      document.querySelector("[data-focus]")?.focus({ preventScroll: true });
    }
  });

  // A request that did not reach the server: nothing was saved.
  document.addEventListener("htmx:error", () => {
    const line = document.createElement("p");
    line.className = "problem";
    line.textContent = "The program did not answer: it may have ended. The last change is not saved.";
    document.getElementById("alert").replaceChildren(line);
  });

  // Files and folders that are dropped on a form go into its first field for files.
  const filesOf = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      return [new File([file], path + file.name, { type: file.type })];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!entries.length) return found;
      for (const each of entries) found.push(...(await filesOf(each, `${path}${entry.name}/`)));
    }
  };

  for (const form of document.querySelectorAll("[data-drop]")) {
    form.addEventListener("dragover", (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
    form.addEventListener("dragleave", () => form.classList.remove("over"));
    form.addEventListener("drop", async (event) => {
      event.preventDefault();
      form.classList.remove("over");
      const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
      const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
      const chosen = new DataTransfer();
      for (const entry of entries) {
        const files = entry instanceof File ? [entry] : await filesOf(entry, "");
        for (const file of files) chosen.items.add(file);
      }
      if (!chosen.files.length) return;
      form.querySelector("input[type=file]").files = chosen.files;
      form.requestSubmit();
    });
  }

  // The page of a lab: results come while it is open.
  const work = document.querySelector("[data-events]");
  if (work) {
    const events = new EventSource(work.dataset.events);
    const replace = (id) => (event) => {
      const old = document.getElementById(id);
      old.outerHTML = event.data;
      htmx.process(document.getElementById(id));
    };
    events.addEventListener("running", () => document.getElementById("results").classList.add("running"));
    events.addEventListener("results", replace("results"));
    events.addEventListener("help", replace("help"));
    window.addEventListener("pagehide", () => events.close());
  }
})();
