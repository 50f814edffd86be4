// Owns the filter bar: reads the filter the server shall apply, shows where a query is wrong.

import { byId, el, icon } from "./dom.js";
import { plain } from "./safe-text.js";
import { emptyFilter, isFiltering, sameFilter, STREAMS } from "./view.js";
import { plural } from "./messages.js";

const TYPING = 350; // ms after the last key before a query is sent

export class Filters {
  /** `onChange(filter, {narrowed})` is called after each change, once per pause in typing. */
  constructor({ onChange, onTenant }) {
    this.onChange = onChange;
    this.filter = emptyFilter();
    this.installs = [];
    this.q = byId("q");
    this.request = byId("request");
    this.level = byId("level");
    this.ghost = byId("q-ghost");
    this.error = byId("q-error");
    byId("filters").addEventListener("submit", (e) => e.preventDefault());
    byId("tenant").addEventListener("change", (e) => onTenant(e.target.value));
    this.level.addEventListener("change", () => this.change({ level: this.level.value || null }));
    for (const input of [this.q, this.request]) {
      input.addEventListener("input", () => this.typed());
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

  typed() {
    this.clearError();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), TYPING);
  }

  /** Leave a field: what was typed and is not applied yet is dropped. */
  leave(input) {
    clearTimeout(this.timer);
    this.clearError();
    this.q.value = this.filter.q;
    this.request.value = this.filter.request ?? "";
    input.blur();
    byId("lines").focus({ preventScroll: true });
  }

  read() {
    clearTimeout(this.timer);
    this.change({ q: this.q.value.trim() ? this.q.value : "", request: this.request.value.trim() || null });
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
    this.request.value = filter.request ?? "";
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
  }

  setTenants(tenants, selected) {
    const select = byId("tenant");
    select.replaceChildren();
    if (!selected) select.append(el("option", { value: "" }, "choose…"));
    for (const { tenant, name, allowed } of tenants) {
      const label = plain(name && name !== tenant ? `${name} (${tenant})` : tenant);
      select.append(el("option", { value: tenant }, allowed ? label : `${label}: not now`));
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
