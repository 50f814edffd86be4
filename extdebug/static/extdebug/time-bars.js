// Draws the bars of the time line: lines over time stacked by level, hatched where lines are missing.

const LEVELS = ["trace", "debug", "info", "warn", "error"];
const KIND = { trace: 0, debug: 0, info: 0, warn: 1, error: 2 }; // of --bar-plain, --bar-warn, --bar-bad
const HATCH = 5; // px between two strokes

/** What the lines of one bucket are, from an `overview` bucket. */
export const emptyBar = () => ({ counts: LEVELS.map(() => 0), lost: 0 });

export function addLine(bar, level) {
  const at = LEVELS.indexOf(level);
  bar.counts[at < 0 ? 2 : at] += 1;
}

export const total = (bar) => bar.counts.reduce((sum, n) => sum + n, 0);
export const errorsOf = (bar) => bar.counts[4];
export const warningsOf = (bar) => bar.counts[3];

/**
 * Draw `bars` (a Map of bucket number to bar) over `buckets` buckets. `missing` are stretches [from, to] in
 * buckets to hatch, `uncounted` one that is not known yet; `mark` is where the newest line stands, or null.
 */
export function drawBars(canvas, { bars, buckets, missing, uncounted, mark }) {
  const scale = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  if (!buckets || !width) return;
  const style = getComputedStyle(canvas);
  const ink = (name) => style.getPropertyValue(name) || style.color;
  const inks = ["--bar-plain", "--bar-warn", "--bar-bad"].map(ink);
  const step = width / buckets;
  const gap = step > 4 * scale ? scale : 0;
  let most = 4;
  for (const bar of bars.values()) most = Math.max(most, total(bar));
  for (const [n, bar] of bars) {
    let y = height;
    const kinds = [0, 0, 0];
    bar.counts.forEach((count, i) => (kinds[KIND[LEVELS[i]]] += count));
    kinds.forEach((count, kind) => {
      if (!count) return;
      // Never too small to see: one error among a thousand lines is what one looks for.
      const tall = Math.max(kind ? 2 * scale : scale, (count / most) * (height - 2 * scale));
      pen.fillStyle = inks[kind];
      y -= tall;
      pen.fillRect(n * step, y, Math.max(scale, step - gap), tall);
    });
  }
  pen.fillStyle = inks[0];
  pen.globalAlpha = 0.35;
  pen.fillRect(0, height - scale, width, scale);
  pen.globalAlpha = 1;
  for (const [from, to] of missing) hatch(pen, from * step, Math.max(4 * scale, (to - from) * step), height, inks[2], scale);
  if (uncounted) hatch(pen, uncounted[0] * step, (uncounted[1] - uncounted[0]) * step, height, ink("color"), scale, 0.3);
  if (mark !== null) {
    pen.fillStyle = ink("color");
    pen.fillRect(Math.min(width - 2 * scale, mark * step), 0, 2 * scale, height);
  }
}

function hatch(pen, x, width, height, ink, scale, alpha = 0.8) {
  pen.save();
  pen.beginPath();
  pen.rect(x, 0, width, height);
  pen.clip();
  pen.globalAlpha = alpha;
  pen.strokeStyle = ink;
  pen.lineWidth = scale;
  pen.beginPath();
  for (let at = x - height; at < x + width; at += HATCH * scale) {
    pen.moveTo(at, height);
    pen.lineTo(at + height, 0);
  }
  pen.stroke();
  pen.restore();
}
