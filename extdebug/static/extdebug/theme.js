// Applies the chosen theme before the first paint; the theme button is in preferences.js.
(() => {
  "use strict";
  let chosen = "";
  try {
    chosen = localStorage.getItem("ext-debug.theme") || "";
  } catch {
    // Storage may be refused by the browser; then the system's theme applies.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
