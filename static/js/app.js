"use strict";
/* Small comforts: every page works without. */
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const say = (text) => {
    const live = $("#live");
    if (live) live.textContent = text;
  };

  /* The server's clock decides. */
  const serverTime = Date.parse($("time[data-clock]")?.dateTime);
  const skew = Number.isNaN(serverTime) ? 0 : serverTime - Date.now();
  const now = () => Date.now() + skew;
  const duration = (ms) => {
    const minutes = Math.floor(Math.abs(ms) / 60000);
    const hours = Math.floor(minutes / 60);
    const days = Math.floor(hours / 24);
    const pair = (big, bigUnit, small, smallUnit) =>
      `${big} ${bigUnit}${small ? ` ${small} ${smallUnit}` : ""}`;
    if (minutes < 1) return "under 1 min";
    if (days) return pair(days, "d", hours % 24, "h");
    return hours ? pair(hours, "h", minutes % 60, "min") : `${minutes} min`;
  };
  const relative = (ms, past) => (ms >= 0 ? `in ${duration(ms)}` : `${duration(ms)} ${past}`);
  const setText = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };

  const refreshRelative = () => {
    for (const node of $$("[data-rel]")) {
      const isDue = node.dataset.rel === "due";
      const time = isDue ? node.parentElement.querySelector("time[datetime]") : null;
      const at = Date.parse(isDue ? time?.dateTime : node.dataset.rel);
      if (Number.isNaN(at)) continue;
      if (isDue && !/^in | late$/.test(node.textContent)) continue;
      setText(node, relative(at - now(), isDue ? "late" : "ago"));
      if (isDue) node.closest(".due")?.classList.toggle("late", at < now());
    }
  };

  const hoursAndMinutes = (ms) => new Date(ms).toISOString().slice(11, 16);
  const minutesOf = (text) => {
    const match = /(\d\d):(\d\d)/.exec(text);
    return match ? match[1] * 60 + Number(match[2]) : NaN;
  };
  const offsets = new Map(); // from UTC, read once
  const refreshClocks = () => {
    for (const node of $$("[data-clock]")) {
      if (!offsets.has(node)) {
        const isUtc = node.matches("time");
        offsets.set(node, isUtc ? 0 : minutesOf(node.textContent) - minutesOf(hoursAndMinutes(now())));
      }
      const offset = offsets.get(node);
      if (Number.isNaN(offset)) continue;
      setText(node, node.textContent.replace(/\d\d:\d\d/, hoursAndMinutes(now() + offset * 60000)));
      if (node.dateTime) node.dateTime = new Date(now()).toISOString();
    }
  };
  const tick = () => {
    if (document.hidden) return;
    refreshRelative();
    refreshClocks();
  };
  refreshClocks();
  setInterval(tick, 30000);
  document.addEventListener("visibilitychange", tick);

  /* Go to: a dialog, or the page /go/. */
  const dialog = $("dialog#go");
  let opener = null;
  const openGo = (from) => {
    if (!dialog) return false;
    const input = $("input[type=search]", dialog);
    if (!dialog.open) {
      opener = from;
      dialog.showModal();
    }
    input.focus();
    input.select();
    return true;
  };
  dialog?.addEventListener("close", () => opener?.focus?.());

  const closeMenus = (except) => {
    for (const menu of $$("details.menu[open]")) {
      if (!except || !menu.contains(except)) menu.open = false;
    }
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target);
    if (event.target === dialog) dialog.close();
    const link = event.target.closest("[data-go]");
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey);
    if (link && plain && openGo(link)) event.preventDefault();
  });
  document.addEventListener("focusin", (event) => closeMenus(event.target));

  document.addEventListener("keydown", (event) => {
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (command && event.key.toLowerCase() === "k") {
      const field = $("#go-results") && $("main input[name=q]");
      if (openGo(document.activeElement)) event.preventDefault();
      else if (field) {
        event.preventDefault();
        field.focus();
      }
    } else if (command && event.key === "Enter") {
      const form = event.target.form;
      if (!form) return;
      event.preventDefault();
      if (!event.repeat) form.requestSubmit($("button:not([type=button])", form));
    } else if (event.key === "Escape") {
      const menu = $("details.menu[open]");
      if (!menu) return;
      closeMenus();
      $("summary", menu).focus();
    }
  });

  /* The server ignores a second click; this only shows it. */
  const release = (button) => {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  };
  document.addEventListener("submit", (event) => {
    const button = event.submitter || $("button:not([type=button])", event.target);
    if (event.defaultPrevented || event.target.method !== "post" || !button) return;
    button.setAttribute("aria-busy", "true");
    setTimeout(() => {
      button.disabled = true;
    });
    setTimeout(() => {
      release(button);
      tell("No answer yet. What you sent may have been recorded. Open the request to check.");
    }, 30000);
  });
  addEventListener("pageshow", () => $$("button[aria-busy]").forEach(release));

  document.addEventListener("change", (event) => {
    if (event.target.matches(".filter-bar select")) event.target.form.requestSubmit();
  });

  /* A failed update says so. */
  const untell = () => $("#trouble")?.remove();
  const make = (name, className, text) =>
    Object.assign(document.createElement(name), { className, textContent: text });
  const tell = (text) => {
    untell();
    const notice = make("div", "notice", "");
    notice.id = "trouble";
    notice.dataset.tone = "failed";
    const reload = make("a", "button", "Reload the page");
    reload.href = location.href;
    notice.append(make("p", "", text), reload);
    (dialog?.open ? dialog : $("main")).prepend(notice);
    say(text);
  };
  const body = document.body;
  const trouble = ({ detail }) => {
    if (detail.elt.id === "changes") return;
    const status = detail.xhr.status;
    if (!status) tell("Approval Queue did not answer. What you see may be out of date.");
    else if (status >= 500) tell("Something broke on our side. What you see may be out of date.");
    else tell("This part could not be loaded. Reload the page to go on.");
  };
  for (const name of ["sendError", "timeout", "responseError"]) {
    body.addEventListener(`htmx:${name}`, trouble);
  }
  body.addEventListener("htmx:afterSwap", untell);

  $("[data-focus]")?.focus();
})();
