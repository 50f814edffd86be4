// Keeps what the reader prefers: theme, time format, wrapping, folding, density, how many lines are kept;
// stored in this browser.

import { TIME_FORMATS, useUtc } from "./timestamps.js";

const STORE = "ext-debug.";

export const DENSITIES = { comfortable: "Comfortable", compact: "Compact" };
export const KEPT = [1000, 5000, 20_000, 50_000]; // rows of the page; beyond it the oldest go
const DEFAULT_KEPT = 5000;

/** Store `value` under `name`, null removes it; whether the browser did. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(STORE + name);
    else localStorage.setItem(STORE + name, JSON.stringify(value));
    return true;
  } catch {
    return false; // A browser that stores nothing still shows everything.
  }
}

/** What was stored under `name`, or `fallback`. */
export function recall(name, fallback) {
  try {
    const text = localStorage.getItem(STORE + name);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

const oneOf = (values, value, fallback) => (values.includes(value) ? value : fallback);

/** The reader's choices for the rows. `onChange(name)` is called after each change. */
export class Preferences {
  constructor(onChange) {
    this.onChange = onChange;
    this.time = oneOf(TIME_FORMATS, recall("time", "local"), "local");
    useUtc(this.time === "utc");
    this.density = oneOf(Object.keys(DENSITIES), recall("density", "comfortable"), "comfortable");
    this.kept = oneOf(KEPT, recall("kept", DEFAULT_KEPT), DEFAULT_KEPT);
    this.wrap = recall("wrap", true);
    this.collapse = recall("collapse", true);
  }

  set(name, value) {
    this[name] = value;
    useUtc(this.time === "utc");
    remember(name, value);
    this.onChange(name);
  }

  nextTime() {
    this.set("time", TIME_FORMATS[(TIME_FORMATS.indexOf(this.time) + 1) % TIME_FORMATS.length]);
  }
}

const NAMES = { light: "light", dark: "dark", system: "as the system" };
export const THEMES = Object.entries(NAMES);

/** Apply a theme, one of THEMES, and keep it. */
export function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(`${STORE}theme`);
    else localStorage.setItem(`${STORE}theme`, theme); // plain text: theme.js reads it
  } catch {
    // Not kept, still applied.
  }
}

/** Switch to the next theme: the other one than the system's, then the system's own by name, then as the system. */
export function nextTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const other = system === "dark" ? "light" : "dark";
  const order = { [other]: system, [system]: "system" };
  setTheme(order[document.documentElement.dataset.theme] ?? other);
}

/** Make a button switch themes, and say which one is on. */
export function setUpTheme(button) {
  const say = () => {
    const text = `Theme: ${NAMES[document.documentElement.dataset.theme ?? "system"]}`;
    button.title = `${text} (click for the next)`;
    button.setAttribute("aria-label", text);
  };
  button.addEventListener("click", nextTheme);
  new MutationObserver(say).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  say();
}
