"use strict";
/* Single keys, for people who switched them on in their settings. None of them decides anything. */
(() => {
  const PAGES = { q: "/queue/", d: "/decisions/", l: "/lookup/", f: "/failures/", h: "/handoff/" };
  const links = () => [...document.querySelectorAll("main :is(.rows tbody th, .card h2, .found li) a")];
  const move = (step) => {
    const all = links();
    const here = all.findIndex((link) => link.closest("tr, li") === document.activeElement.closest("tr, li"));
    all[Math.min(Math.max(here < 0 ? 0 : here + step, 0), all.length - 1)]?.focus();
  };
  const row = () => document.activeElement.closest("tr");
  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    o: () => row()?.querySelector("th a")?.click(),
    x: () => row()?.querySelector("input[name=row]")?.click(),
    c: () => row()?.querySelector("form[action$='/claim/'] button")?.focus(),
    a: () => document.querySelector("#decide")?.querySelector("textarea, a, button")?.focus(),
    "/": () => document.querySelector("main input[type=search], main input[name=q]")?.focus(),
    "?": () => location.assign("/help/keys/"),
  };
  let goes = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
    const page = Date.now() - goes < 1500 && PAGES[event.key];
    goes = event.key === "g" ? Date.now() : 0;
    if (page) location.assign(page);
    else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
    else return;
    event.preventDefault();
  });
})();
