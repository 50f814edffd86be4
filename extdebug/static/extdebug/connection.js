// Owns the WebSocket: speaks ext-debug.v1, acknowledges, notices silence, and reconnects at the line
// where it was lost. No other module touches the socket.

import { parseExactly } from "./exact-json.js";

const FINAL = new Set([4400, 4401, 4403, 4404, 4408, 4409, 4410]);
const QUICK = new Set([1012, 4012]); // a restart: the next process is usually there already
const PING_EVERY = 5_000; // ms without a frame before a ping
const DOUBT_AFTER = 2_500; // ms without an answer after which the page says so
const ANSWER_WITHIN = 8_000; // ms; a half-open connection is only noticed by its silence
const HELLO_WITHIN = 15_000; // ms from dialling to `ready` or `closing`
const ACK_AFTER = 50; // ms after the acknowledgement before: far within the 2 s in which the server wants one
const ACK_PART = 4; // or when so much of the window is taken: by then the next frames are on their way
const WINDOW = 256 * 1024; // bytes, until `ready` says it
const BACKOFF_FIRST = 500;
const BACKOFF_MOST = 20_000;
const SETTLED = 20_000; // ms of a good connection after which the backoff starts over

/** How long to wait before attempt `attempt` (from 0): full jitter, so that many clients do not come back at once. */
export function backoff(attempt, code, retry, random = Math.random()) {
  const spread = 200 + random * Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** attempt);
  if (code === 4429) return (retry ?? 5) * 1000 * (1 + random / 4);
  if (QUICK.has(code) && attempt === 0) return (retry ?? 0.15) * 1000 + random * 500;
  return Math.max((retry ?? 0) * 1000, spread);
}

/** Whether an error frame is about the filter: then the filter before it stays in force. */
export function refusesFilter({ code, position }) {
  const known = ["bad_filter", "bad_query", "bad_regex", "too_complex"];
  return known.includes(code) || (position !== null && position !== undefined && code !== "not_json");
}

/** The WebSocket address of a path on this page's host. */
export function socketUrl(path) {
  const url = new URL(path ?? "/ws/ext-debug/", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

export const isFinal = (code, final) => final ?? FINAL.has(code);

/**
 * One session with the server.
 *
 * `begin()` returns {target, filter, from, until?, speed?} each time a session is opened. `onFrame(frame)` gets
 * every server frame but `pong`, {type: "refiltered"} when a changed filter takes hold: what comes
 * after it is of the new one, and {type: "silent", is} when the server does not answer, and when it does
 * again. `onChange(state)` gets {name, at?, attempt?, code?, end?} with name
 * idle | connecting | open | waiting | closed.
 */
export class Connection {
  constructor({ url, begin, onFrame, onChange, socket = (u) => new WebSocket(u) }) {
    this.url = url;
    this.begin = begin;
    this.onFrame = onFrame;
    this.onChange = onChange;
    this.newSocket = socket;
    this.state = { name: "idle" };
    this.cursor = null;
    this.session = null;
    this.rev = 1; // of the filter last asked for
    this.floor = 1; // events of earlier revisions are dropped
    this.pending = false; // asked for, and not yet confirmed
    this.seq = 0;
    this.acked = 0;
    this.unackedBytes = 0;
    this.window = WINDOW;
    this.attempt = 0;
    this.socket = null;
    this.timers = {};
    this.heard = 0;
    this.silent = false;
    addEventListener("online", () => this.state.name === "waiting" && this.dial());
    document.addEventListener("visibilitychange", () => {
      // After the machine slept the socket may be dead: ping at once instead of after 10 s.
      if (!document.hidden && this.socket && performance.now() - this.heard > 3000) this.ping();
    });
  }

  get open() {
    return this.state.name === "open";
  }

  /** Open a new session at `begin().from`, without a cursor or session to resume. */
  connect() {
    this.cursor = null;
    this.session = null;
    this.attempt = 0;
    this.dial();
  }

  /** Close, and do not reconnect. */
  disconnect() {
    this.drop();
    this.become({ name: "idle" });
  }

  /** Send `message` if connected; says whether it went out. */
  send(message) {
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Change the filter and begin anew at `from`, up to `played.until` and at `played.speed`. The old one holds until the server confirms, so a
   * query it refuses changes nothing. While not connected it waits for the next opening.
   */
  refilter(filter, from, played = {}) {
    this.rev += 1;
    this.pending = true;
    return this.open && this.send({ type: "filter", filter: { ...filter, rev: this.rev }, from, ...played });
  }

  /** Another range and speed, `played`, on from the last line received: nothing begins anew. */
  play(filter, played) {
    return this.open && this.send({ type: "filter", filter: { ...filter, rev: this.rev }, ...played });
  }

  confirm() {
    this.pending = false;
    this.floor = this.rev;
    this.onFrame({ type: "refiltered" });
  }

  become(state) {
    this.state = state;
    this.onChange(state);
  }

  drop() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // Already closing.
    }
  }

  dial() {
    this.drop();
    this.ending = null;
    this.become({ name: "connecting", attempt: this.attempt });
    const socket = this.newSocket(this.url);
    this.socket = socket;
    this.silent = false;
    this.ackedAt = 0;
    this.heard = performance.now();
    this.seq = 0;
    this.acked = 0;
    this.unackedBytes = 0;
    socket.onopen = () => this.subscribe();
    socket.onmessage = (message) => this.receive(message.data);
    socket.onclose = (close) => this.lost(close.code, close.reason);
    this.timers.hello = setTimeout(() => this.lost(1006, "no answer"), HELLO_WITHIN);
  }

  subscribe() {
    const { filter, ...rest } = this.begin();
    const message = { type: "subscribe", ...rest, filter: { ...filter, rev: this.rev } };
    // A cursor belongs to the filter it was reached with.
    if (this.cursor && !this.pending) message.from = { cursor: this.cursor };
    if (this.session) message.resume = this.session;
    this.send(message);
  }

  receive(data) {
    this.heard = performance.now();
    clearTimeout(this.timers.silence);
    this.timers.silence = undefined;
    this.doubt(false);
    let frame;
    try {
      frame = parseExactly(data);
    } catch {
      return; // Not of this protocol: ignored.
    }
    if (frame.cursor && frame.type !== "page") this.cursor = frame.cursor;
    const { socket } = this;
    try {
      this.take(frame);
    } finally {
      // Only what was taken is acknowledged: a page that falls behind is sent no more than the window.
      if (typeof frame.seq === "number" && this.socket === socket) this.acknowledge(frame.seq, data.length);
    }
  }

  take(frame) {
    switch (frame.type) {
      case "pong":
        return;
      case "ready":
        clearTimeout(this.timers.hello);
        this.session = frame.session;
        this.window = frame.limits?.window ?? WINDOW;
        if (this.pending) this.confirm();
        this.floor = this.rev;
        this.timers.settled = setTimeout(() => (this.attempt = 0), SETTLED);
        this.become({ name: "open" });
        this.watch();
        break;
      case "closing":
        this.ending = frame;
        break;
      case "events":
        if (this.pending && frame.rev === this.rev) this.confirm();
        if (frame.rev < this.floor) return;
        break;
      case "status":
        if (this.pending) this.confirm();
        break;
      case "error":
        if (refusesFilter(frame)) this.pending = false;
        break;
      default:
    }
    this.onFrame(frame);
    if (frame.type === "closing") this.lost(frame.code, frame.reason);
  }

  acknowledge(seq, bytes) {
    this.seq = Math.max(this.seq, seq);
    this.unackedBytes += bytes;
    // By the clock at each frame, because the timers of a hidden page come late.
    const due = performance.now() - this.ackedAt >= ACK_AFTER;
    if (due || this.unackedBytes >= this.window / ACK_PART) this.ack();
    else this.timers.ack ??= setTimeout(() => this.ack(), ACK_AFTER);
  }

  ack() {
    clearTimeout(this.timers.ack);
    this.timers.ack = undefined;
    this.unackedBytes = 0;
    this.ackedAt = performance.now();
    if (this.seq > this.acked && this.send({ type: "ack", seq: this.seq })) this.acked = this.seq;
  }

  watch() {
    clearTimeout(this.timers.ping);
    this.timers.ping = setTimeout(() => {
      if (performance.now() - this.heard >= PING_EVERY - 50) this.ping();
      this.watch();
    }, PING_EVERY);
  }

  ping() {
    if (this.timers.silence) return; // the one before is not answered yet
    this.send({ type: "ping" });
    this.timers.doubt = setTimeout(() => this.doubt(true), DOUBT_AFTER);
    this.timers.silence = setTimeout(() => this.lost(1006, "no answer"), ANSWER_WITHIN);
  }

  /** The server does not answer a ping, or it does again. */
  doubt(is) {
    clearTimeout(this.timers.doubt);
    if (this.silent === is) return;
    this.silent = is;
    this.onFrame({ type: "silent", is });
  }

  lost(code, reason) {
    const end = this.ending ?? { type: "closing", code, reason };
    this.ending = null;
    this.drop();
    const settled = end.code ?? code;
    if (isFinal(settled, end.final)) {
      this.session = null;
      this.become({ name: "closed", code: settled, end });
      return;
    }
    const wait = backoff(this.attempt, settled, end.retry);
    this.attempt += 1;
    this.become({ name: "waiting", at: performance.now() + wait, attempt: this.attempt, code: settled, end });
    this.timers.retry = setTimeout(() => this.dial(), wait);
  }
}
