// On top of the page that finds patients: it searches once somebody has stopped typing, and the card follows the row that the
// keys are on. Not for: the keys themselves (chartkeep.js), or what is found (the same page, asked for by its address).
"use strict";
(() => {
  const form = document.querySelector("form.bigsearch");
  const box = form?.elements.q;
  if (!box) return;
  const SETTLED_MS = 400, LETTERS = 3;
  let shown = box.value.trim(), timer = 0, asking = null;

  // Each row has its card in the page; without script the link "Check identity" asks for it.
  const choose = (row) => {
    const rows = [...document.querySelectorAll(".hits tbody")];
    const cards = [...document.querySelectorAll("#cards > .card")];
    rows.forEach((it, n) => {
      it.classList.toggle("on", it === row);
      it.rows[0].toggleAttribute("aria-current", it === row);
      if (cards[n]) cards[n].hidden = it !== row;
    });
  };
  document.addEventListener("focusin", (e) => {
    const row = e.target.closest?.(".hits tbody");
    if (row) choose(row);
  });
  document.addEventListener("click", (e) => {
    const check = e.target.closest?.(".hits .check");
    if (!check || e.ctrlKey || e.metaKey || e.shiftKey) return;
    choose(check.closest("tbody"));
    e.preventDefault();
  });

  // A search that is on the screen already is not asked for again: Enter goes on to the first row.
  form.addEventListener("submit", (e) => {
    clearTimeout(timer);
    const first = document.querySelector(".hits tbody.on .open") ?? document.querySelector(".hits .open");
    if (box.value.trim() !== shown || !first) return;
    e.preventDefault();
    first.focus();
  });

  if (!("asYouType" in form.dataset)) return;
  const say = (words) => {
    const count = document.getElementById("count");
    count.replaceChildren(words);
  };
  const search = (text) => {
    asking?.abort();
    const address = `${location.pathname}?q=${encodeURIComponent(text)}`;
    // A request for a document, since that is parsed without being run.
    asking = new XMLHttpRequest();
    asking.open("GET", address);
    asking.responseType = "document";
    asking.setRequestHeader("X-Acted", "1");
    asking.onload = () => {
      const page = asking.response, answer = page?.getElementById("answer");
      if (asking.status === 429) return say("Too many searches within a minute. Wait a little, then press Enter.");
      if (!answer) { location.assign(address); return; }
      shown = text;
      for (const id of ["count", "answer", "cards"]) {
        document.getElementById(id).replaceChildren(...document.adoptNode(page.getElementById(id)).childNodes);
      }
      history.replaceState(null, "", address);
    };
    asking.onerror = () => say("The archive cannot be reached. Press Enter to try again.");
    asking.send();
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    const text = box.value.trim();
    if ([...text].length < LETTERS || text === shown) return;
    timer = setTimeout(() => search(text), SETTLED_MS);
  });
})();
