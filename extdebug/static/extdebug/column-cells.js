// Builds a row's cells of the fields that are shown as columns, and finds the value of a field.

import { el } from "./dom.js";
import { isExact } from "./exact-json.js";
import { plain } from "./safe-text.js";
import { appendText } from "./text-runs.js";

const LONGEST = 80; // characters of a cell; the column is narrower still, and the line's details have all

/** The value of `path` in the fields of an event, found as the filter language finds it; undefined without one. */
export function fieldAt(fields, path) {
  if (!fields) return undefined;
  if (Object.hasOwn(fields, path)) return fields[path];
  let value = fields;
  for (const step of path.split(".")) {
    if (value === null || typeof value !== "object" || isExact(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** The fields that are no columns: of an object what is none of them, nothing where all of it is. */
export function withoutColumns(fields, columns, path = "") {
  const left = {};
  for (const [name, value] of Object.entries(fields)) {
    const here = path ? `${path}.${name}` : name;
    if (columns.includes(here)) continue;
    const within = columns.some((column) => column.startsWith(`${here}.`));
    if (!within || value === null || typeof value !== "object" || Array.isArray(value) || isExact(value)) left[name] = value;
    else {
      const rest = withoutColumns(value, columns, here);
      if (Object.keys(rest).length) left[name] = rest;
    }
  }
  return left;
}

/** A value as text: JSON, except that text has no quotes. */
export function fieldText(value) {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The cells of an event, one for each column; `context` is a RowContext of row.js. */
export function cellsOf(ev, columns, context) {
  const masked = Boolean(ev.redacted?.length);
  const box = el("div", { class: "cells" });
  for (const name of columns) {
    const value = fieldAt(ev.fields, name);
    const text = fieldText(value);
    const number = typeof value === "number" || isExact(value);
    const cell = el("span", { class: number ? "cell number" : "cell", "data-name": name, title: text ? plain(`${name}: ${text}`) : null });
    appendText(cell, text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text, context.marker, { masked });
    box.append(cell);
  }
  return box;
}
