"use strict";
/* Copy buttons exist only where they work. One in a form also sends it: that it was copied. */
(() => {
  const show = (from) => {
    for (const button of from.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      const label = button.dataset.label;
      if (label) button.querySelector("span").textContent = label;
    }
  };
  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    const label = button.querySelector("span");
    const before = (label.dataset.before ??= label.textContent);
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy"); // plain http has no clipboard
    }
    label.textContent = copied ? "Copied" : "Selected, copy it with Ctrl C";
    document.querySelector("#live").textContent = label.textContent;
    setTimeout(() => { label.textContent = before; }, 3000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.body.addEventListener("htmx:load", (event) => show(event.target));
  show(document);
})();
