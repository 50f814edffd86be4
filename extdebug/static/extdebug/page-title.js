// Owns the title of the tab: what happened since one left it, the state, the extension and the tenant.

import { count, STATES } from "./messages.js";

const parts = { soon: false, errors: 0, lines: 0, state: "", tenant: "" };
const base = document.title;

/** Change parts of the title: see `parts`. */
export function setTitle(changed) {
  Object.assign(parts, changed);
  const [extension, ...rest] = base.split(" · ");
  const news = parts.errors ? `(${count(parts.errors)} ${parts.errors === 1 ? "error" : "errors"}) ` : parts.lines ? `(${count(parts.lines)}) ` : "";
  const state = parts.state && parts.state !== "live" ? `${STATES[parts.state]?.[0] ?? parts.state}: ` : "";
  const title = `${parts.soon ? "⏳ " : ""}${news}${state}${[extension, parts.tenant, ...rest].filter(Boolean).join(" · ")}`;
  if (document.title !== title) document.title = title;
}
