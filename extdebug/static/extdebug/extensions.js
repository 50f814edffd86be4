// Filters the list of extensions by what is typed, and shows the answers to requests that wait.

import { AccessWatch } from "./access-status.js";
import { readJson } from "./dom.js";
import "./theme-button.js";

const seek = document.getElementById("seek");

function narrow() {
  if (!seek) return;
  const wanted = seek.value.toLowerCase().trim();
  let any = false;
  for (const section of document.querySelectorAll(".extension")) {
    const whole = section.dataset.seek.toLowerCase().includes(wanted);
    let inside = false;
    for (const row of section.querySelectorAll("li[data-seek]")) {
      const hit = whole || row.dataset.seek.toLowerCase().includes(wanted);
      row.hidden = !hit;
      inside ||= hit;
    }
    section.hidden = !(whole || inside);
    any ||= !section.hidden;
  }
  document.getElementById("no-match").hidden = any;
}

seek?.addEventListener("input", narrow);
document.addEventListener("keydown", (e) => {
  if (e.key !== "/" || !seek || e.target.closest("input, textarea")) return;
  e.preventDefault();
  seek.focus();
});

// When the answer to a request is there the page is read again: the server says all of it.
for (const { tenant, extension, request } of readJson("pending")) {
  let shown = request.state;
  const watch = new AccessWatch({
    url: "/api/ext-debug/access",
    onStatus: (status) => {
      const state = status.allowed ? "allowed" : status.request?.state;
      if (state !== shown) location.reload();
      shown = state;
    },
    onRefused: () => location.reload(),
  });
  watch.follow({ tenant, extension }, request);
}
