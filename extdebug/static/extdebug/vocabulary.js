// Remembers names and values of the lines that this page was sent, to propose them. Bounded, and off the
// path of lines: it looks at a few of them now and then. Nothing of it leaves the browser.

import { isExact } from "./exact-json.js";
import { SUSPECT } from "./safe-text.js";

const LOOK_EVERY = 500; // ms
const AT_ONCE = 50; // lines looked at each time; of more, the first
const NAMES = 200; // fields remembered
const VALUES = 40; // remembered of each name
const CHARACTERS = 80; // of a name or value; longer ones are not remembered
const BUDGET = 128 * 1024; // characters of all of them together
const DEEP = 4;
const IDS = { request: "requestId", install: "installId", version: "versionId", hash: "contentHash" };

const idle = (run) => (globalThis.requestIdleCallback ? requestIdleCallback(run, { timeout: 2000 }) : setTimeout(run, 0));

export class Vocabulary {
  constructor() {
    this.clear();
  }

  clear() {
    this.waiting = [];
    this.terms = new Map(); // "request" or "field.ms" -> Map of its values, newest last -> whether a number
    this.size = 0;
  }

  /** A line arrived: it may be looked at when there is time. */
  note(ev) {
    if (this.waiting.length >= AT_ONCE) return;
    this.waiting.push(ev);
    if (this.waiting.length > 1) return;
    setTimeout(() => idle(() => this.look()), LOOK_EVERY);
  }

  /** Look at the lines that wait. */
  look() {
    const { waiting } = this;
    this.waiting = [];
    for (const ev of waiting) this.learn(ev);
  }

  learn(ev) {
    for (const [name, key] of Object.entries(IDS)) if (ev[key]) this.remember(name, ev[key]);
    for (const rule of ev.redacted ?? []) this.remember("redacted", rule);
    if (ev.execution) this.remember("execution", ev.execution.outcome ?? ev.execution.phase);
    if (ev.fields) this.learnFields(ev.fields, "", 0);
  }

  learnFields(fields, path, depth) {
    for (const [key, value] of Object.entries(fields)) {
      const name = path ? `${path}.${key}` : key;
      const exact = isExact(value);
      if (Array.isArray(value)) {
        for (const item of value.slice(0, 3)) if (typeof item !== "object" || isExact(item)) this.remember(`field.${name}`, item);
      } else if (value !== null && typeof value === "object" && !exact) {
        if (depth < DEEP) this.learnFields(value, name, depth + 1);
      } else this.remember(`field.${name}`, value);
    }
  }

  remember(name, value) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (name.length > CHARACTERS || /[\s:<>=!()"]/.test(name) || SUSPECT.test(name)) return;
    const known = this.terms.get(name) ?? new Map();
    this.terms.delete(name);
    this.terms.set(name, known); // the last one seen is the last in order
    if (!text || text.length > CHARACTERS || SUSPECT.test(text) || text.includes("\n") || text.includes("[redacted:")) return;
    if (known.delete(text)) this.size -= text.length;
    known.set(text, typeof value === "number" || isExact(value));
    this.size += text.length;
    if (known.size > VALUES) this.forget(known);
    while (this.terms.size > NAMES || this.size > BUDGET) {
      const [oldest, values] = this.terms.entries().next().value;
      for (const each of values.keys()) this.size -= each.length;
      this.terms.delete(oldest);
    }
  }

  forget(values) {
    const oldest = values.keys().next().value;
    values.delete(oldest);
    this.size -= oldest.length;
  }

  /** Names of fields, as field.NAME, the last one seen first. */
  fields() {
    return [...this.terms.keys()].filter((name) => name.startsWith("field.")).reverse();
  }

  /** Values of an attribute or of field.NAME, the last one seen first. */
  values(name) {
    return [...(this.terms.get(name)?.keys() ?? [])].reverse();
  }

  /** Whether all values seen of it are numbers. */
  isNumeric(name) {
    const known = this.terms.get(name);
    return Boolean(known?.size) && [...known.values()].every(Boolean);
  }
}
