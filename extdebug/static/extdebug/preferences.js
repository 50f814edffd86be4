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

const NAMES = { light: "light", dark: "dark", system: "as the system" };

/** Switch to the next theme: the other one than the system's, then the system's own by name, then as the system. */
export function nextTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const other = system === "dark" ? "light" : "dark";
  const order = { [other]: system, [system]: "system" };
  const next = order[root.dataset.theme] ?? other;
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    if (next === "system") localStorage.removeItem(`${STORE}theme`);
    else localStorage.setItem(`${STORE}theme`, next); // plain text: theme.js reads it
  } catch {
    // Not kept, still applied.
  }
}

/** Make a button switch themes, and say which one is on. */
export function setUpTheme(button) {
  const say = () => {
    const text = `Theme: ${NAMES[document.documentElement.dataset.theme ?? "system"]}`;
    button.title = `${text} (click for the next)`;
    button.setAttribute("aria-label", text);
  };
  button.addEventListener("click", () => {
    nextTheme();
    say();
  });
  say();
}
