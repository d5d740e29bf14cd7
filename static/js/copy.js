"use strict";
/* Copy buttons exist only where they work. */
(() => {
  const say = (text) => {
    const live = document.querySelector("#live");
    if (live) live.textContent = text;
  };
  const show = (from) => {
    for (const button of from.querySelectorAll("[data-copy]")) button.hidden = false;
  };
  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    const label = button.querySelector("span") || button;
    const before = (label.dataset.before ??= label.textContent);
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      getSelection().selectAllChildren(source);
      copied = document.execCommand("copy"); // plain http has no clipboard object
    }
    label.textContent = copied ? "Copied" : "Selected, copy it with Ctrl C";
    say(label.textContent);
    setTimeout(() => {
      label.textContent = before;
    }, 3000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.body.addEventListener("htmx:load", (event) => show(event.target));
  show(document);
})();
