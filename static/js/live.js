"use strict";
/* The queue stays current, never moves, and asks only while nobody is busy in it. */
(() => {
  const $ = (selector) => document.querySelector(selector);
  const body = document.body;
  let lost = 0;
  let active;
  const isBusy = () =>
    document.hidden || !getSelection().isCollapsed || $("dialog[open], details.menu[open]") ||
    document.activeElement.matches("#region :is(input, select, textarea)");
  const tell = (text, label) => {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = label;
    $("#changes")?.replaceChildren(text, link);
  };
  const wake = () => { active = Date.now(); };
  wake();
  addEventListener("pointerdown", wake);
  addEventListener("keydown", wake);
  addEventListener("change", () => {
    const ticked = document.querySelectorAll("[name=row]:checked").length;
    if ($("#ticked")) $("#ticked").textContent = `${ticked} selected`;
  });
  setInterval(() => {
    if (Date.now() - active > 900000) tell("Updates paused. ", "Resume");
    else if (!isBusy()) body.dispatchEvent(new Event("aq:tick"));
  }, 20000);
  body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.elt.id !== "changes") return;
    lost = detail.successful ? 0 : lost + 1;
    if (lost > 1) tell(`Not updated since ${$("#checked")?.textContent}. `, "Reload");
  });
})();
