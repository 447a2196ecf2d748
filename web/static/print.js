// Opens the browser's print dialog once the page and its pictures are there. The page prints without it, too.
"use strict";
addEventListener("load", () => window.print());
