// Counts lines per second, by when they were printed.

const SECONDS = 60;

export class LineRate {
  constructor() {
    this.bins = new Array(SECONDS).fill(0);
    this.second = Math.floor(Date.now() / 1000);
  }

  /** Count an event in the second it was printed, `age` ms ago by the server's clock. */
  add(age) {
    this.advance();
    const at = SECONDS - 1 - Math.max(0, Math.floor(age / 1000));
    if (at >= 0) this.bins[at] += 1;
  }

  advance() {
    const now = Math.floor(Date.now() / 1000);
    for (let step = Math.min(SECONDS, now - this.second); step > 0; step -= 1) {
      this.bins.shift();
      this.bins.push(0);
    }
    this.second = now;
  }

  /** Lines per second, over the last three whole seconds. */
  perSecond() {
    this.advance();
    return this.bins.slice(-4, -1).reduce((sum, n) => sum + n, 0) / 3;
  }
}
