// Keeps the numbers in the admin's sidebar up to date, and says in the title how many wait in all.
// unfold loads it as a classic script: nothing of it may be global.

(() => {
  const EVERY = 5000; // ms, while the page is in sight
  const BESIDE = 30_000; // ms, behind another tab, whose reader sees the title alone
  const ASK = "/admin/policies/grant/waiting/";
  let timer = null;

  const spans = () => [...document.querySelectorAll("[data-waits]")];

  function drawTitle() {
    const all = spans().reduce((sum, span) => sum + (span.hidden ? 0 : Number(span.textContent)), 0);
    const base = document.title.replace(/^\(\d+\) /, "");
    document.title = all ? `(${all}) ${base}` : base;
  }

  function draw(counts) {
    for (const span of spans()) {
      const count = counts[span.dataset.waits] ?? 0;
      span.textContent = String(count);
      span.hidden = count === 0;
    }
    drawTitle();
  }

  async function ask() {
    clearTimeout(timer);
    let goesOn = true;
    try {
      const answer = await fetch(ASK, { headers: { Accept: "application/json" } });
      // Signed out, or no operator any more: nothing more is asked.
      goesOn = answer.status >= 500 || (answer.ok && !answer.redirected);
      if (answer.ok && goesOn) draw(await answer.json());
    } catch {
      // The console could not be reached: the next question tries again.
    }
    if (goesOn) later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? BESIDE : EVERY);
  }

  function begin() {
    if (!spans().length) return;
    drawTitle();
    later();
    document.addEventListener("visibilitychange", () => !document.hidden && ask());
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
