// What the release workspace does on top of pages that also work without script: keys for pages and items, drawing an area with
// the pointer, the choice of records told anew as it changes, and looking again while pages are being made.
// Not for: keys of all pages (chartkeep.js).
"use strict";
(() => {
  const inField = (e) => e.target.closest("input:not([type=radio], [type=checkbox]), textarea, select") !== null;

  // j and k: the next and the previous page or item; u: the next flagged page; i, x, r: what is done with an item.
  const arrows = { ArrowRight: "j", ArrowLeft: "k" };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || inField(e)) return;
    const isOnChoice = e.target.matches("[type=radio]");
    const key = isOnChoice ? e.key : arrows[e.key] ?? e.key;
    const target = key === "j" ? document.querySelector("a[rel=next]") : key === "k" ? document.querySelector("a[rel=prev]")
      : ["u", "i", "x", "r"].includes(key) ? document.querySelector(`[data-key="${key}"]`) : null;
    if (!target) return;
    e.preventDefault();
    if (target.matches("input")) { target.checked = true; document.getElementById("reason").focus(); } else target.click();
  });

  // Board: left and right go from column to column.
  const board = document.querySelector(".board");
  if (board) document.addEventListener("keydown", (e) => {
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(e.key) || inField(e)) return;
    const columns = [...board.children].map((c) => [...c.querySelectorAll("a.number")]).filter((c) => c.length > 0);
    if (columns.length === 0) return;
    let column = columns.findIndex((c) => c.includes(document.activeElement));
    let row = column < 0 ? 0 : columns[column].indexOf(document.activeElement);
    if (column < 0) column = 0;
    else if (e.key === "ArrowLeft" || e.key === "ArrowRight") column = Math.min(Math.max(column + (e.key === "ArrowRight" ? 1 : -1), 0), columns.length - 1);
    else row += e.key === "ArrowDown" ? 1 : -1;
    columns[column][Math.min(Math.max(row, 0), columns[column].length - 1)].focus();
    e.preventDefault();
  }, true);

  // An area is drawn on the page's image, and its figures are those of the form: what is sent is what stands there.
  const canvas = document.querySelector("[data-draw]");
  if (canvas) {
    const svg = canvas.querySelector("svg"), form = document.getElementById("region");
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    box.setAttribute("class", "drawn");
    svg.append(box);
    const field = (name) => form.elements.namedItem(name);
    const show = () => {
      for (const [name, attribute] of [["left", "x"], ["top", "y"], ["width", "width"], ["height", "height"]]) {
        box.setAttribute(attribute, String(Math.max(0, Math.round(Number(field(name).value) * 100) || 0)));
      }
    };
    const place = (e) => {
      const r = svg.getBoundingClientRect(), part = (at, from, size) => Math.min(Math.max((at - from) / size, 0), 1) * 100;
      return [part(e.clientX, r.left, r.width), part(e.clientY, r.top, r.height)];
    };
    let from = null;
    canvas.addEventListener("pointerdown", (e) => { if (e.button !== 0) return; from = place(e); canvas.setPointerCapture(e.pointerId); e.preventDefault(); });
    canvas.addEventListener("pointermove", (e) => {
      if (!from) return;
      const to = place(e), low = [0, 1].map((i) => Math.min(from[i], to[i])), high = [0, 1].map((i) => Math.max(from[i], to[i]));
      // Outwards, so that nothing that was drawn over stays uncovered.
      const floor = (n) => Math.floor(n * 100) / 100, ceil = (n) => Math.ceil(n * 100) / 100;
      field("left").value = floor(low[0]).toFixed(2); field("top").value = floor(low[1]).toFixed(2);
      field("width").value = Math.min(ceil(high[0] - floor(low[0])), 100 - floor(low[0])).toFixed(2);
      field("height").value = Math.min(ceil(high[1] - floor(low[1])), 100 - floor(low[1])).toFixed(2);
      show();
    });
    canvas.addEventListener("pointerup", () => { if (from) { from = null; field("reason").focus(); } });
    for (const name of ["left", "top", "width", "height"]) field(name).addEventListener("input", show);
    show();
  }

  // A page as a document. The policy lets no script turn text into markup, so that the browser itself has to read it.
  const ask = (method, address, body = null) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.responseType = "document";
    request.timeout = 60_000;
    request.onloadend = () => done({ status: request.status, page: request.status === 200 ? request.responseXML : null });
    request.send(body);
  });

  // The picker tells what the choice comes to as it changes. Words are asked for when somebody stops typing.
  const picker = document.querySelector("form[data-live]");
  if (picker) {
    let waiting = 0, asked = 0;
    const tell = async () => {
      const mine = ++asked, body = new URLSearchParams([...new FormData(picker)].filter(([, value]) => typeof value === "string"));
      body.set("then", "try");
      const { page } = await ask("POST", picker.getAttribute("action"), body);
      if (!page || mine !== asked) return;
      const fresh = page.getElementById("chosen");
      const old = document.getElementById("chosen");
      if (!fresh || !old || old.contains(document.activeElement)) return;
      old.replaceWith(document.adoptNode(fresh));
    };
    const later = (ms) => { clearTimeout(waiting); waiting = setTimeout(tell, ms); };
    picker.querySelector(".narrowing").addEventListener("change", () => later(150));
    picker.querySelector(".narrowing").addEventListener("input", (e) => { if (e.target.id === "text") later(600); });
  }

  // Pages or a package are being made: the same page again, until it says that they are there. Nothing else is touched, so what
  // somebody is typing stays.
  const job = document.querySelector("[data-poll]");
  const again = async () => {
    const { page } = await ask("GET", location.pathname);
    if (!page) return setTimeout(again, 10_000);
    const now = page.querySelector("[data-poll]");
    if (!now) return location.reload();
    const words = now.querySelector("strong"), shown = document.querySelector("[data-poll] strong");
    if (words && shown && words.textContent !== shown.textContent) shown.textContent = words.textContent;
    setTimeout(again, 2_000);
  };
  if (job) setTimeout(again, 1_500);
})();
