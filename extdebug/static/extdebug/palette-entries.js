// What the list of all commands has: every key's command, settings, columns, saved views, tenants and installs.

import { tenantNote } from "./access-words.js";
import { setTheme, THEMES } from "./preferences.js";
import { KEYS } from "./shortcuts.js";
import { TIME_FORMATS, TIME_NAMES } from "./timestamps.js";
import { CHOICES } from "./view-menu.js";

// Keys of several commands, each with its own: [keys, what it does, name of the command, its argument].
const APART = {
  move: [["j", "next line or request", "move", 1], ["k", "previous line or request", "move", -1]],
  choose: [["J", "choose the next line too, for y to copy", "choose", 1], ["K", "choose the previous line too, for y to copy", "choose", -1]],
  streams: ["stdout", "stderr", "log"].flatMap((name, at) => [
    [`${at + 1}`, `toggle ${name}`, "stream", { name, only: false }],
    [`Shift ${at + 1}`, `only ${name}`, "stream", { name, only: true }],
  ]),
  errors: [["e", "next error, or failing request", "level", { level: "error", by: 1 }], ["E", "previous error, or failing request", "level", { level: "error", by: -1 }]],
  hits: [["n", "next hit of the search", "hit", 1], ["N", "previous hit of the search", "hit", -1]],
  ends: [["g", "oldest line on the page", "end", false], ["G", "newest line on the page", "end", true]],
}; // prettier-ignore

const sentence = (text) => text[0].toUpperCase() + text.slice(1);

/** The commands of KEYS as Entries; `command(name, argument)` does one. */
function commands(command) {
  return KEYS.filter(([, , name]) => name !== "palette")
    .flatMap(([keys, does, name]) => APART[name] ?? [[keys, does, name]])
    .map(([keys, does, name, argument]) => ({ label: sentence(does), group: "Command", keys, run: () => command(name, argument) }));
}

function settings(preferences) {
  const each = (label, name, choices) =>
    choices.filter(([value]) => preferences[name] !== value).map(([value, text]) => ({ label: `${label}: ${text}`, group: "Setting", run: () => preferences.set(name, value) }));
  return [
    ...CHOICES.flatMap((choice) => each(...choice)),
    ...each("Timestamp format", "time", TIME_FORMATS.map((value) => [value, TIME_NAMES[value]])),
    ...THEMES.map(([value, text]) => ({ label: `Theme: ${text}`, group: "Setting", run: () => setTheme(value) })),
  ]; // prettier-ignore
}

function fields(columns, vocabulary) {
  const seen = [...vocabulary.terms.keys()].filter((name) => /^field\.[\w.-]+$/.test(name)).map((name) => name.slice("field.".length));
  const known = new Set([...columns.names, ...seen.sort()]);
  return [...known].map((name) => ({ label: `${columns.names.includes(name) ? "Remove column" : "Show as column"}: ${name}`, group: "Column", run: () => columns.toggle(name) }));
}

function views(savedViews, nameView) {
  return [
    ...savedViews.all.map((saved) => ({ label: saved.name, group: "Saved view", run: () => savedViews.open(saved) })),
    { label: "Save this view…", group: "Saved view", run: nameView },
  ];
}

const tenantLabel = (entry) => [entry.name || entry.tenant, tenantNote(entry) && `(${tenantNote(entry)})`].filter(Boolean).join(" ");

/** The tenants one may choose, and the installs of the present one. */
function places(config, view, filters, onTenant) {
  const { tenant, filter } = view.current;
  const others = config.tenants.filter((each) => each.tenant !== tenant);
  const installs = config.tenants.find((each) => each.tenant === tenant)?.installs ?? [];
  const only = (id) => filter.installs.length === 1 && filter.installs[0] === id;
  const show = (ids) => filters.change({ installs: ids }, { redraw: true });
  return [
    ...others.map((each) => ({ label: `Go to tenant ${tenantLabel(each)}`, group: "Tenant", run: () => onTenant(each.tenant) })),
    ...installs.filter(({ id }) => !only(id)).map(({ id, name }) => ({ label: `Only install ${name || id}`, group: "Install", run: () => show([id]) })),
    ...(filter.installs.length ? [{ label: "All installs", group: "Install", run: () => show([]) }] : []),
  ];
}

/** All Entries of command-palette.js, as the page is now. */
export function paletteEntries({ config, view, preferences, filters, columns, vocabulary, savedViews, command, nameView, onTenant }) {
  return [
    ...commands(command),
    ...views(savedViews, nameView),
    ...places(config, view, filters, onTenant),
    ...settings(preferences),
    ...fields(columns, vocabulary),
  ];
}
