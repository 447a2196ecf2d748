// Keys and small comforts of the documents of a chart: "n" and "p" go from hit to hit, "x" shows the raw XML, up and down choose
// a document of the list, left and right a page of a scan, "r" turns it; filters work at once. All of it can be done by links.
// Not for: keys of every page (chartkeep.js), which runs after this.
"use strict";
(() => {
  const find = (selector) => document.querySelector(selector);
  const inField = (e) => e.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
  const click = (selector) => { const link = find(selector); if (link) link.click(); return link !== null; };

  // Hits.
  const bar = find("[data-hits]");
  const hits = bar ? Number(bar.dataset.hits) : 0;
  let at = 0;
  const go = (number, quietly) => {
    at = number;
    const words = bar.querySelector("[data-hit-words] strong");
    if (words) words.textContent = `Hit ${at} of ${hits}`;
    if (bar.dataset.frame) {
      const frame = find("iframe.framed");
      const own = frame.src.split("#")[0];
      frame.src = `${own}#hit-${at}`;
      return;
    }
    document.querySelectorAll("mark.now").forEach((mark) => mark.classList.remove("now"));
    const mark = document.getElementById(`hit-${at}`);
    if (!mark) return;
    if (quietly) { mark.classList.add("now"); return; }
    for (let inner = mark.closest("details"); inner; inner = inner.parentElement.closest("details")) inner.open = true;
    mark.classList.add("now");
    mark.scrollIntoView({ block: "center" });
  };
  const step = (by) => {
    if (at + by > hits || at + by < 1) {
      if (click(`[data-hit-page="${by}"]`)) return true;
      if (hits === 0) return false;
      go(by > 0 ? 1 : hits);
      return true;
    }
    go(at + by);
    return true;
  };
  if (bar) {
    bar.querySelectorAll("[data-no-script]").forEach((part) => { part.hidden = true; });
    bar.querySelectorAll("[data-script]").forEach((part) => { part.hidden = false; });
    bar.querySelectorAll("[data-step]").forEach((button) => button.addEventListener("click", () => step(Number(button.dataset.step))));
    document.addEventListener("click", (e) => {
      const link = e.target.closest("a[href^='#hit-']");
      if (link) { e.preventDefault(); go(Number(link.hash.slice(5))); }
    });
    const asked = location.hash.match(/^#hit-(\d+)$/);
    if (hits > 0 && !bar.dataset.frame) go(Number(asked?.[1] ?? 1), !asked);
  }

  // Filters: a choice is sent at once, and is in focus again behind it.
  const filters = find("[data-filters]");
  if (filters) {
    filters.querySelectorAll(".apply").forEach((part) => { part.hidden = true; });
    filters.addEventListener("change", (e) => {
      if (!e.target.matches("input[type=checkbox]")) return;
      sessionStorage.setItem("filter", e.target.name + " " + e.target.value);
      filters.requestSubmit();
    });
    const last = sessionStorage.getItem("filter");
    sessionStorage.removeItem("filter");
    if (last) [...filters.elements].find((field) => `${field.name} ${field.value}` === last)?.focus({ preventScroll: true });
    // An empty box is left out of the address.
    filters.addEventListener("formdata", (e) => { if (!e.formData.get("q")) e.formData.delete("q"); });
  }
  const narrow = find("[data-narrow]");
  if (narrow && matchMedia("(max-width: 1200px)").matches) narrow.open = false;

  // The open page in view in the strip.
  const strip = find("[data-strip]");
  const sheet = strip?.querySelector(".on");
  if (sheet) {
    strip.scrollTop = sheet.offsetTop - strip.clientHeight / 3;
    strip.scrollLeft = sheet.offsetLeft - strip.clientWidth / 3;
  }

  const choose = (by) => {
    const rows = [...document.querySelectorAll("[data-documents] li > a")];
    if (rows.length === 0 || document.activeElement?.closest(".pane")) return false;
    const focused = rows.indexOf(document.activeElement);
    const open = rows.findIndex((row) => row.parentElement.classList.contains("on"));
    const from = focused >= 0 ? focused : open >= 0 ? open : by > 0 ? -1 : 1;
    rows[Math.min(Math.max(from + by, 0), rows.length - 1)].focus();
    return true;
  };

  const keys = {
    n: () => bar && step(1),
    p: () => bar && step(-1),
    x: () => click("[data-raw]"),
    r: () => click("[data-turn]"),
    ArrowDown: () => choose(1),
    ArrowUp: () => choose(-1),
    ArrowRight: () => !find(".sheet-view:focus") && click('[data-sheet="1"]'),
    ArrowLeft: () => !find(".sheet-view:focus") && click('[data-sheet="-1"]'),
  };
  let went = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || inField(e)) return;
    // "g p" and the like are the other script's.
    if (e.key === "g") { went = Date.now(); return; }
    if (Date.now() - went < 1200) return;
    if (Object.hasOwn(keys, e.key) && keys[e.key]()) e.preventDefault();
  });
})();
