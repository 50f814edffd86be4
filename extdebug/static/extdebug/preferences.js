// Keeps what the reader prefers: theme, time format, wrapping, folding; stored in this browser.

import { TIME_FORMATS } from "./timestamps.js";

const STORE = "ext-debug.";

/** Store `value` under `name`; null removes it. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(STORE + name);
    else localStorage.setItem(STORE + name, JSON.stringify(value));
  } catch {
    // A browser that stores nothing still shows everything.
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

/** The reader's choices for the rows. `onChange(name)` is called after each change. */
export class Preferences {
  constructor(onChange) {
    this.onChange = onChange;
    this.time = TIME_FORMATS.includes(recall("time", "local")) ? recall("time", "local") : "local";
    this.wrap = recall("wrap", true);
    this.collapse = recall("collapse", true);
  }

  set(name, value) {
    this[name] = value;
    remember(name, value);
    this.onChange(name);
  }

  nextTime() {
    this.set("time", TIME_FORMATS[(TIME_FORMATS.indexOf(this.time) + 1) % TIME_FORMATS.length]);
  }
}

/** Switch between light and dark, whatever the system prefers; the new theme. */
export function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem(`${STORE}theme`, root.dataset.theme); // plain text: theme.js reads it
  } catch {
    // Not kept, still applied.
  }
  return root.dataset.theme;
}
