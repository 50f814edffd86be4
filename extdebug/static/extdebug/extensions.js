// Filters the list of extensions by what is typed.

import "./theme-button.js";

const seek = document.getElementById("seek");

function narrow() {
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
