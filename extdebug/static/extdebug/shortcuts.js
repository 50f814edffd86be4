// Listens for keyboard shortcuts, and sets up the help dialog that lists them.

import { byId, el } from "./dom.js";

/** [keys shown, what they do, name of the action]. Single keys work outside of text fields. */
export const KEYS = [
  ["p", "pause and resume", "pause"],
  ["f", "follow: go to the newest line", "follow"],
  ["c", "clear the view", "clear"],
  ["/", "filter text", "query"],
  ["r", "request field; on a line: only its request", "request"],
  ["u", "all requests again", "unrequest"],
  ["v", "requests or lines: one row for each request, failing first", "requests"],
  ["1 2 3", "toggle stdout, stderr, log (Shift: only that one)", "streams"],
  ["j k", "next and previous line or request", "move"],
  ["J K", "choose lines (Shift j, Shift k), for y or Ctrl C to copy", "choose"],
  ["Enter", "open or close the line or request", "open"],
  ["Esc", "close what is open: a menu, the line, the notice", "escape"],
  ["o", "show the line among all lines around it", "context"],
  ["y", "copy the line, or the chosen lines", "copy"],
  ["l", "copy a link to the line", "permalink"],
  ["Ctrl F", "find in loaded lines", "search"],
  ["e E", "next and previous error, or failing request", "errors"],
  ["n N", "next and previous hit", "hits"],
  ["a", "go to a time", "goTo"],
  ["h", "highlight a word", "highlight"],
  ["t", "timestamp format", "time"],
  ["w", "wrap long lines", "wrap"],
  ["x", "fold repeated lines", "collapse"],
  ["+", "extend the session", "extend"],
  ["d", "connect or disconnect", "connect"],
  ["g G", "oldest and newest line on the page", "ends"],
  ["Ctrl K", "all commands, settings and saved views", "palette"],
  ["?", "this help", "help"],
];

const SINGLE = {
  p: "pause", v: "requests", f: "follow", c: "clear", "/": "query", r: "request", u: "unrequest", h: "highlight",
  t: "time", w: "wrap", x: "collapse", "+": "extend", d: "connect", "?": "help", y: "copy",
  l: "permalink", o: "context", a: "goTo", Enter: "open",
}; // prettier-ignore

const STREAM_KEYS = { Digit1: "stdout", Digit2: "stderr", Digit3: "log" };

const SCROLL = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"]);

const typing = (node) => node.closest?.("input, textarea, select, [contenteditable]");

/** `run(name, argument)` does an action. */
export function listen(run) {
  document.addEventListener("keydown", (e) => {
    const withControl = (key) => (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === key;
    if (withControl("f") && !byId("find-bar").contains(e.target)) {
      // The browser's own search sees only the rows that are drawn; a second Ctrl F reaches it.
      e.preventDefault();
      run("search");
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (withControl("k")) {
      e.preventDefault();
      run("palette");
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape") {
      const menus = document.querySelectorAll("details.menu[open]");
      for (const menu of menus) menu.open = false;
      if (!menus.length && !typing(e.target)) run("escape");
    }
    if (typing(e.target)) return;
    if (SCROLL.has(e.key) && e.target === document.body) byId("lines").focus({ preventScroll: true }); // and scroll
    const stream = STREAM_KEYS[e.code];
    const onButton = e.target.closest?.("button, a, summary");
    if (stream) run("stream", { name: stream, only: e.shiftKey });
    else if (e.key === "j" || e.key === "k") run("move", e.key === "j" ? 1 : -1);
    else if (e.key === "J" || e.key === "K") run("choose", e.key === "J" ? 1 : -1);
    else if (e.key === "n" || e.key === "N") run("hit", e.key === "n" ? 1 : -1);
    else if (e.key === "e" || e.key === "E") run("level", { level: "error", by: e.key === "e" ? 1 : -1 });
    else if (e.key === "g" || e.key === "G") run("end", e.key === "G");
    else if (SINGLE[e.key] && !(onButton && e.key === "Enter")) run(SINGLE[e.key]);
    else return;
    e.preventDefault();
  });
}

/** A click beside an open menu closes it. */
export function closeMenusBeside() {
  document.addEventListener("click", (e) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(e.target)) menu.open = false;
    }
  });
}

export function setUpHelp() {
  const dialog = byId("help-dialog");
  const list = byId("help-keys");
  for (const [keys, does] of KEYS) {
    const term = el("dt", {});
    for (const key of keys.split(" ")) term.append(el("kbd", {}, key), " ");
    list.append(el("div", {}, term, el("dd", {}, does)));
  }
  byId("help").addEventListener("click", () => dialog.showModal());
  byId("help-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (e) => {
    if (e.target === dialog) dialog.close(); // the backdrop
  });
  return () => dialog.showModal();
}
