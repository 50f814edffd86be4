// Keeps views under a name, per extension in this browser: filter, start, columns, highlights, as an address.

import { el, icon } from "./dom.js";
import { toast } from "./notices.js";
import { recall, remember } from "./preferences.js";
import { plain } from "./safe-text.js";
import { writeView } from "./view.js";

const MOST = 50; // views of one extension
const LONGEST = 60; // characters of a name

const isSaved = (each) => typeof each?.name === "string" && /^(\?[^#]*)?$/.test(each?.query);

export class SavedViews {
  /** `view` is the page's CurrentView; `onOpen()` shows the view that the address has now. */
  constructor({ extension, view, onOpen }) {
    this.key = `views.${extension}`;
    this.view = view;
    this.onOpen = onOpen;
    this.list = el("ul", { class: "saved-views", "aria-label": "Saved views" });
    this.name = el("input", { id: "view-name", maxlength: LONGEST, placeholder: "Name this view", "aria-label": "Name of this view" });
    this.form = el("form", { class: "save-view", autocomplete: "off" }, this.name, el("button", { type: "submit", class: "small" }, "Save"));
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.save(this.name.value);
    });
    this.list.addEventListener("click", (e) => this.clicked(e));
    this.draw();
  }

  /** What is saved, by name: {name, query}. Other tabs save too, so it is read each time. */
  get all() {
    const stored = recall(this.key, []);
    return Array.isArray(stored) ? stored.filter(isSaved) : [];
  }

  /** Save the view in sight; a view of the same name is replaced. */
  save(text) {
    const name = text.trim().slice(0, LONGEST);
    if (!name) return toast("Give the view a name.");
    const { all } = this;
    const others = all.filter((each) => each.name !== name);
    if (others.length >= MOST) return toast(`${MOST} views are saved already: delete one first.`);
    const saved = [...others, { name, query: writeView({ ...this.view.current, line: null }) }].sort((a, b) => a.name.localeCompare(b.name));
    if (!remember(this.key, saved)) return toast("The browser stores nothing for this page, so the view is not saved.");
    this.name.value = "";
    this.draw();
    return toast(`View “${plain(name)}” ${others.length < all.length ? "replaced" : "saved"}.`);
  }

  delete(name) {
    remember(this.key, this.all.filter((each) => each.name !== name));
    this.draw();
    this.name.focus();
    toast(`View “${plain(name)}” deleted.`);
  }

  /** Show a saved view, as its link would. */
  open({ query }) {
    history.pushState(null, "", location.pathname + query);
    this.onOpen();
  }

  draw() {
    const rows = this.all.map((each) =>
      el(
        "li",
        {},
        el("a", { href: location.pathname + each.query, "data-name": each.name }, plain(each.name)),
        el("button", { type: "button", class: "icon-button", "data-name": each.name, title: "Delete this view", "aria-label": `Delete the view ${plain(each.name)}` }, icon("close")),
      ),
    );
    this.list.hidden = !rows.length;
    this.list.replaceChildren(...rows);
  }

  clicked(e) {
    const node = e.target.closest("[data-name]");
    if (!node) return;
    const { name } = node.dataset;
    if (node.tagName === "BUTTON") return void this.delete(name);
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return; // another tab or window, as of any link
    const saved = this.all.find((each) => each.name === name);
    if (!saved) return; // deleted in another tab: the link still leads there
    e.preventDefault();
    this.list.closest("details")?.removeAttribute("open");
    this.open(saved);
  }
}
