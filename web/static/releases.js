// What the release workspace does on top of pages that also work without script: looks again while pages are being made.
// Not for: keys of all pages (chartkeep.js).
"use strict";
(() => {
  // Pages or a package are being made: the same page again, until it says that they are there. Nothing else is touched, so what
  // somebody is typing stays.
  const job = document.querySelector("[data-poll]");
  const again = async () => {
    const answer = await fetch(location.pathname, { redirect: "manual" }).catch(() => null);
    if (!answer || !answer.ok) return setTimeout(again, 10_000);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("[data-poll]");
    if (!now) return location.reload();
    const words = now.querySelector("strong"), shown = document.querySelector("[data-poll] strong");
    if (words && shown && words.textContent !== shown.textContent) shown.textContent = words.textContent;
    setTimeout(again, 2_000);
  };
  if (job) setTimeout(again, 1_500);
})();
