// Keys on top of pages that also work without script: "?" lists them, "/" to the search box, "g" and a letter to a section, "[" and "]" to the
// neighbouring item, arrows to choose a row. Keys never fire in a field and never with a modifier.
"use strict";
(() => {
  const inField = (e) => e.target.closest("input, textarea, select, [contenteditable]") !== null;
  const sections = { s: "", t: "timeline", p: "problems", m: "medications", r: "results", v: "vitals", d: "notes", e: "encounters" };
  let goes = 0;

  const focusSearch = () => {
    const box = document.querySelector("[data-focus]");
    if (box) { box.focus(); box.select(); }
    return box !== null;
  };
  const follow = (selector) => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return link !== null;
  };
  const moveRow = (step) => {
    const rows = [...document.querySelectorAll("[data-rows] .open, .panel:not(.card) .t tbody td a:first-child")];
    if (rows.length === 0) return false;
    const at = rows.indexOf(document.activeElement);
    const chosen = rows.findIndex((r) => r.closest(".on"));
    const start = at >= 0 ? at : step > 0 ? Math.max(chosen, 0) - 1 : Math.max(chosen, 0) + 1;
    const next = rows[Math.min(Math.max(start + step, 0), rows.length - 1)];
    next.focus({ preventScroll: false });
    return true;
  };

  // What "?" shows. Each page listens to those of its own kind.
  const listed = [
    ["/", "search"], ["g s", "summary"], ["g t", "timeline"], ["g r", "results"], ["g v", "vital signs"], ["g p", "problems"],
    ["g m", "medications"], ["g e", "encounters"], ["g d", "notes and documents"], ["[ ]", "previous and next"],
    ["↑ ↓", "choose a row"], ["Enter", "open it"], ["t", "name of a test"], ["a", "abnormal only"], ["n p", "next and previous hit"],
    ["x", "raw XML"], ["Esc", "close"],
  ];
  const showKeys = () => {
    const known = document.querySelector("dialog.keys");
    if (known) { known.showModal(); return true; }
    const dialog = document.createElement("dialog");
    dialog.className = "keys";
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "Keys";
    dialog.setAttribute("aria-labelledby", title.id);
    const list = document.createElement("dl");
    for (const [keys, words] of listed) {
      const term = document.createElement("dt");
      keys.split(" ").forEach((key, n) => {
        const cap = document.createElement("kbd");
        cap.textContent = key;
        term.append(n ? " " : "", cap);
      });
      const told = document.createElement("dd");
      told.textContent = words;
      list.append(term, told);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.className = "button";
    close.onclick = () => dialog.close();
    dialog.append(title, list, close);
    document.body.append(dialog);
    dialog.showModal();
    return true;
  };

  document.addEventListener("keydown", (e) => {
    // Whoever speaks to his computer has turned single keys off (his account page).
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.body.dataset.keys === "off") return;
    if (e.key === "ArrowDown" && e.target.matches?.("[data-focus]") && document.querySelector("[data-rows]")) {
      if (moveRow(1)) e.preventDefault();
      return;
    }
    if (inField(e)) return;
    let done = false;
    if (Date.now() - goes < 1200 && e.key in sections) {
      done = follow(`.sections a[data-key="${sections[e.key]}"]`);
      goes = 0;
    } else if (e.key === "g") {
      goes = Date.now();
    } else if (e.key === "?") {
      done = showKeys();
    } else if (e.key === "/") {
      done = focusSearch();
    } else if (e.key === "[") {
      done = follow("[rel=prev]");
    } else if (e.key === "]") {
      done = follow("[rel=next]");
    } else if (e.key === "ArrowDown") {
      done = moveRow(1);
    } else if (e.key === "ArrowUp") {
      done = moveRow(-1);
    } else if (["t", "a", "ArrowLeft", "ArrowRight"].includes(e.key)) {
      const target = document.querySelector(`main [data-key="${e.key}"]`);
      if (target) { target.matches("input") ? target.focus() : target.click(); done = true; }
    }
    if (done) e.preventDefault();
  });

  // Who has gone leaves nothing on the screen: once the session has ended by time, so has the page. Asking keeps nothing alive.
  const idle = Number(document.body.dataset.idle);
  const look = async () => {
    const ended = await fetch("/api/v1/me", { redirect: "manual" }).then((answer) => answer.status === 401, () => false);
    if (!ended) return setTimeout(look, 20_000);
    const link = document.createElement("a");
    link.href = location.pathname.startsWith("/in/") ? "/signin" : `/signin?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    const words = document.createElement("p");
    words.className = "ended";
    words.append("Your session has ended. ", link);
    document.title = "Session ended";
    document.body.replaceChildren(words);
  };
  if (idle > 0) setTimeout(look, (idle + 1) * 1000);

  // A minute before that it says so, and takes the focus from nobody. To stay is an act of a person, and is told as one.
  const WARN_S = 60;
  const warn = () => {
    const note = document.createElement("section");
    note.className = "note caution ending";
    note.setAttribute("role", "alert");
    const words = document.createElement("p"), strong = document.createElement("strong"), stay = document.createElement("button");
    strong.textContent = `You will be signed out in ${Math.min(WARN_S, idle)} seconds.`;
    words.append(strong, " Nothing is lost.");
    stay.type = "button";
    stay.className = "button";
    stay.textContent = "Stay signed in";
    stay.addEventListener("click", async () => {
      const stays = await fetch("/api/v1/me", { headers: { "X-Acted": "1" }, redirect: "manual" }).then((answer) => answer.ok, () => false);
      if (!stays) { strong.textContent = "The session cannot be kept."; return; }
      note.remove();
      if (idle > WARN_S) setTimeout(warn, (idle - WARN_S) * 1000);
    });
    note.append(words, stay);
    document.body.append(note);
  };
  if (idle > 0) setTimeout(warn, Math.max(idle - WARN_S, 1) * 1000);

  // The open document in view in its list, without moving the page.
  const open = document.getElementById("open"), list = open?.closest(".list");
  if (list) list.scrollTop = open.offsetTop - list.clientHeight / 3;
})();
