"use strict";
/* The queue stays current, never moves, and asks only while nobody is busy in it. */
(() => {
  const $ = (selector) => document.querySelector(selector);
  const body = document.body;
  let active = Date.now();
  let lost = 0;
  const isBusy = () =>
    document.hidden || !getSelection().isCollapsed || $("dialog[open], details.menu[open]") ||
    document.activeElement.matches("#region :is(input, select, textarea)");
  const tell = (text, label) => {
    const link = Object.assign(document.createElement("a"), { href: location.href, textContent: label });
    $("#changes")?.replaceChildren(text, link);
  };
  setInterval(() => {
    if (Date.now() - active > 900000) tell("Updates paused. ", "Resume");
    else if (!isBusy()) body.dispatchEvent(new Event("aq:tick"));
  }, 20000);
  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => { active = Date.now(); });
  }
  body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.elt.id !== "changes") return;
    lost = detail.successful ? 0 : lost + 1;
    if (lost > 1) tell(`Not updated since ${$("#checked")?.textContent}. `, "Reload");
  });
})();
