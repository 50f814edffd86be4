// Keeps the desk's pages up to date: counts down the time left, fetches the live parts every 5 s.

const REFRESH_MS = 5000;

const timeLeft = (seconds) => {
  const left = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return `${minutes}:${String(left % 60).padStart(2, "0")}`;
};

const root = document.querySelector(".desk");
// The server's clock decides; this machine's may be wrong by minutes.
const skew = root?.dataset.now ? Date.parse(root.dataset.now) - Date.now() : 0;

const tick = () => {
  const now = Date.now() + skew;
  for (const node of document.querySelectorAll("[data-until]")) {
    const until = Date.parse(node.dataset.until);
    node.textContent = until > now ? timeLeft((until - now) / 1000) : "over";
    const bar = node.parentElement.querySelector(".bar i");
    if (bar && node.dataset.from) {
      const from = Date.parse(node.dataset.from);
      bar.style.width = `${Math.max(0, Math.min(100, (100 * (until - now)) / (until - from)))}%`;
    }
  }
};

const refresh = async () => {
  if (document.hidden || !document.querySelector("[data-live]")) return;
  try {
    const answer = await fetch("?live=1", { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const newer = fresh.getElementById(part.id);
      // A button must not move away under the pointer or the keyboard's focus.
      if (newer && !part.matches(":hover") && !part.contains(document.activeElement)) {
        part.replaceWith(document.adoptNode(newer));
      }
    }
    tick();
  } catch {
    // The server could not be reached: the next refresh tries again.
  }
};

tick();
setInterval(tick, 1000);
setInterval(refresh, REFRESH_MS);
