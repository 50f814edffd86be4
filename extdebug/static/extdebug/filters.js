// Owns the filter bar: reads the filter the server shall apply, shows where a query is wrong.

import { tenantNote } from "./access-words.js";
import { byId, el, icon } from "./dom.js";
import { QueryChips } from "./query-chips.js";
import { isHalf, withoutCondition } from "./query-terms.js";
import { plain } from "./safe-text.js";
import { emptyFilter, isFiltering, sameFilter, STREAMS } from "./view.js";
import { plural } from "./messages.js";

const TYPING = 350; // ms after the last key before a query is sent
const CHOOSING = 1500; // the same while proposals are shown

export class Filters {
  /**
   * `onChange(filter, {narrowed})` is called after each change, once per pause in typing;
   * `isRequest(id)` says whether a line on the page is of that request.
   */
  constructor({ onChange, onTenant, isRequest }) {
    this.onChange = onChange;
    this.isRequest = isRequest;
    this.filter = emptyFilter();
    this.installs = [];
    this.q = byId("q");
    this.request = byId("request");
    this.level = byId("level");
    this.ghost = byId("q-ghost");
    this.error = byId("q-error");
    this.chips = new QueryChips({
      box: byId("query-chips"),
      onQuery: (q) => this.change({ q }, { redraw: true }),
      onLeft: () => this.q.focus(),
    });
    byId("filters").addEventListener("submit", (e) => e.preventDefault());
    byId("tenant").addEventListener("change", (e) => onTenant(e.target.value));
    this.level.addEventListener("change", () => this.change({ level: this.level.value || null }));
    for (const input of [this.q, this.request]) {
      input.addEventListener("input", () => this.typed(input));
      input.addEventListener("keydown", (e) => {
        if (e.key === "Enter") this.read();
        if (e.key === "Escape") this.leave(input);
      });
      input.addEventListener("blur", () => this.read());
    }
    this.q.addEventListener("scroll", () => (this.ghost.scrollLeft = this.q.scrollLeft));
    byId("streams").addEventListener("click", (e) => this.toggle(e.target.closest("[data-stream]")?.dataset.stream, e.altKey));
    byId("filters-reset").addEventListener("click", () => this.change(emptyFilter(), { redraw: true }));
    byId("filters-fold").addEventListener("click", (e) => {
      const open = byId("filters").classList.toggle("unfolded");
      e.currentTarget.setAttribute("aria-expanded", String(open));
    });
  }

  /** Something was typed: it is applied after a pause, unless it ends in half a term. */
  typed(input) {
    this.clearError();
    clearTimeout(this.timer);
    if (isHalf(this.q.value)) return;
    this.timer = setTimeout(() => this.read(), input.getAttribute("aria-expanded") === "true" ? CHOOSING : TYPING);
  }

  /** Leave a field: what was typed and is not applied yet is dropped. */
  leave(input) {
    clearTimeout(this.timer);
    this.clearError();
    this.q.value = this.filter.q;
    this.drawRequest();
    input.blur();
    byId("lines").focus({ preventScroll: true });
  }

  read() {
    clearTimeout(this.timer);
    this.change({ q: this.q.value.trim() ? this.q.value : "", request: this.requestTyped() });
    if (document.activeElement !== this.request) this.drawRequest();
  }

  /** The request that the field asks for: what was typed is a beginning, unless it is an id in view. */
  requestTyped() {
    const text = this.request.value.trim();
    const { request } = this.filter;
    if (text === this.requestRead) return request;
    this.requestRead = text;
    // Who takes the star away means the id as it stands.
    const exact = !text || /^\*|\*$/.test(text) || request === `${text}*` || this.isRequest(text);
    return exact ? text || null : `${text}*`;
  }

  drawRequest() {
    this.request.value = this.requestRead = this.filter.request ?? "";
  }

  /** Switch one stream; all on means no restriction. With `only`, the others go off. */
  toggle(name, only = false) {
    if (!name) return;
    const on = new Set(this.filter.streams.length ? this.filter.streams : STREAMS);
    if (only) {
      const alone = on.size === 1 && on.has(name);
      on.clear();
      for (const stream of alone ? STREAMS : [name]) on.add(stream);
    } else if (!on.delete(name)) on.add(name);
    const streams = STREAMS.filter((stream) => on.has(stream));
    this.change({ streams: streams.length % STREAMS.length ? streams : [] }, { redraw: true });
  }

  /** Take away a condition of the filter, as `hiddenBy` of the protocol names it. */
  takeAway({ part, term }) {
    const without = { q: { q: withoutCondition(this.filter.q, term) }, installs: { installs: [] }, streams: { streams: [] } };
    this.change(without[part] ?? { [part]: null }, { redraw: true });
  }

  change(part, { redraw = false } = {}) {
    const next = { ...this.filter, ...part };
    if (sameFilter(next, this.filter)) return;
    const narrowed = next.request !== this.filter.request;
    this.filter = next;
    if (redraw) this.draw();
    else this.summary();
    this.onChange(next, { narrowed });
  }

  /** Show `filter` without calling onChange. */
  set(filter) {
    this.filter = filter;
    this.draw();
  }

  draw() {
    const { filter } = this;
    this.q.value = filter.q;
    this.drawRequest();
    this.level.value = filter.level ?? "";
    const on = filter.streams.length ? filter.streams : STREAMS;
    for (const button of byId("streams").querySelectorAll("[data-stream]")) {
      button.setAttribute("aria-pressed", String(on.includes(button.dataset.stream)));
    }
    for (const box of byId("installs-list").querySelectorAll("input")) box.checked = filter.installs.includes(box.value);
    this.clearError();
    this.summary();
  }

  summary() {
    const { filter } = this;
    const one = this.installs.find(({ id }) => id === filter.installs[0]);
    const chosen = filter.installs.length;
    byId("installs-text").textContent = chosen === 0 ? "All" : chosen === 1 ? plain(one?.name || filter.installs[0]) : `${chosen} of ${this.installs.length}`;
    byId("filters-reset").hidden = !isFiltering(filter);
    const active = [filter.installs.length, filter.request, filter.streams.length, filter.level, filter.q].filter(Boolean).length;
    byId("filters-summary").textContent = active ? `${plural(active, "filter")} active` : "Filters";
    this.request.classList.toggle("active", Boolean(filter.request));
    this.chips.draw(filter.q);
  }

  setTenants(tenants, selected) {
    const select = byId("tenant");
    select.replaceChildren();
    if (!selected) select.append(el("option", { value: "" }, "choose…"));
    for (const entry of tenants) {
      const { tenant, name } = entry;
      const label = plain(name && name !== tenant ? `${name} (${tenant})` : tenant);
      const note = tenantNote(entry);
      select.append(el("option", { value: tenant }, note ? `${label} (${note})` : label));
    }
    select.value = selected ?? "";
    byId("tenant-field").hidden = tenants.length < 2 && Boolean(selected);
  }

  setInstalls(installs) {
    this.installs = installs;
    const list = byId("installs-list");
    list.replaceChildren();
    for (const { id, name } of installs) {
      const box = el("input", { type: "checkbox", value: id, on: { change: () => this.readInstalls() } });
      box.checked = this.filter.installs.includes(id);
      list.append(el("label", { class: "check" }, box, el("span", {}, plain(name || id)), el("small", {}, name && name !== id ? id : "")));
    }
    byId("installs").hidden = installs.length < 2 && this.filter.installs.length === 0;
    this.summary();
  }

  readInstalls() {
    const boxes = [...byId("installs-list").querySelectorAll("input")];
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    this.change({ installs: chosen.length === boxes.length ? [] : chosen });
  }

  /** Show what the server said about `q`: `position` is underlined in the field and in the message. */
  showError(message, position) {
    const text = this.q.value;
    // The server counts characters, this language counts UTF-16 units.
    const at = typeof position === "number" ? [...text].slice(0, position).join("").length : null;
    this.q.setAttribute("aria-invalid", "true");
    this.ghost.replaceChildren();
    this.error.replaceChildren(icon("warn"));
    if (at !== null) {
      const end = wordEnd(text, at);
      this.ghost.append(text.slice(0, at), el("u", {}, text.slice(at, end) || "\u00a0"), text.slice(end));
      this.ghost.scrollLeft = this.q.scrollLeft;
      this.error.append(el("code", {}, plain(text.slice(Math.max(0, at - 24), at)), el("u", {}, plain(text.slice(at, end)) || "here"), plain(text.slice(end, end + 24))));
    }
    this.error.append(el("span", {}, plain(message)), el("span", { class: "faint" }, " The last filter that was understood stays on."));
    this.error.hidden = false;
  }

  clearError() {
    this.q.removeAttribute("aria-invalid");
    this.ghost.replaceChildren();
    this.error.hidden = true;
  }
}

function wordEnd(text, at) {
  const rest = /^\S+/.exec(text.slice(at));
  return at + (rest ? rest[0].length : 1);
}
