// Draws the sparkline: lines per second over the last minute, errors and warnings in their colours.

const SECONDS = 60;

export class Sparkline {
  constructor(canvas) {
    this.canvas = canvas;
    this.bins = Array.from({ length: SECONDS }, () => [0, 0, 0]);
    this.second = Math.floor(Date.now() / 1000);
    const box = canvas.getBoundingClientRect();
    const scale = Math.min(2, devicePixelRatio || 1);
    canvas.width = Math.round((box.width || 180) * scale);
    canvas.height = Math.round((box.height || 26) * scale);
  }

  /** Count an event in the second it was printed, `age` ms ago by the server's clock. */
  add(ev, age) {
    this.advance();
    const at = SECONDS - 1 - Math.max(0, Math.floor(age / 1000));
    if (!(at >= 0)) return;
    const bad = ev.level === "error" || ev.stream === "stderr";
    this.bins[at][bad ? 2 : ev.level === "warn" ? 1 : 0] += 1;
  }

  advance() {
    const now = Math.floor(Date.now() / 1000);
    for (let step = Math.min(SECONDS, now - this.second); step > 0; step -= 1) {
      this.bins.shift();
      this.bins.push([0, 0, 0]);
    }
    this.second = now;
  }

  /** Lines per second, over the last three whole seconds. */
  rate() {
    this.advance();
    let sum = 0;
    for (const bin of this.bins.slice(-4, -1)) sum += bin[0] + bin[1] + bin[2];
    return sum / 3;
  }

  draw() {
    this.advance();
    const { canvas } = this;
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const inks = ["--sparkline-plain", "--sparkline-warn", "--sparkline-bad"].map((name) => style.getPropertyValue(name));
    const most = Math.max(4, ...this.bins.map((bin) => bin[0] + bin[1] + bin[2]));
    const step = canvas.width / SECONDS;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    this.bins.forEach((bin, i) => {
      let y = canvas.height;
      bin.forEach((n, kind) => {
        if (!n) return;
        const tall = Math.max(1, (n / most) * canvas.height);
        pen.fillStyle = inks[kind] || style.color;
        y -= tall;
        pen.fillRect(i * step, y, Math.max(1, step - 1), tall);
      });
      if (y === canvas.height) {
        pen.fillStyle = inks[0] || style.color;
        pen.globalAlpha = 0.35;
        pen.fillRect(i * step, canvas.height - 1, Math.max(1, step - 1), 1);
        pen.globalAlpha = 1;
      }
    });
  }
}
