// Applies the chosen theme before the first paint; the rest of the look is in look.js.
(() => {
  "use strict";
  let chosen = "";
  try {
    chosen = localStorage.getItem("ext-debug.theme") || "";
  } catch {
    // Storage may be refused by the browser; then the system's choice stands.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
