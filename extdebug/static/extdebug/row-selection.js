// Which rows are chosen by Shift+j and Shift+k, to be copied together.

import { itemText } from "./export.js";

export class RowSelection {
  constructor({ buffer, rows, rowFocus }) {
    this.buffer = buffer;
    this.rows = rows;
    this.rowFocus = rowFocus;
    this.anchor = null; // the item where the selection began
    this.chosen = new Set();
  }

  /** Choose the row with the focus and the next (1) or the previous one (-1), or one less. */
  extend(by) {
    const { items } = this.buffer;
    if (!this.anchor || !items.includes(this.anchor)) this.anchor = this.rows.itemOf(document.activeElement);
    this.rowFocus.move(by);
    const head = this.rows.itemOf(document.activeElement);
    if (!head) return;
    this.anchor ??= head;
    const ends = [items.indexOf(this.anchor), items.indexOf(head)].sort((a, b) => a - b);
    this.choose(items.slice(ends[0], ends[1] + 1));
  }

  choose(items) {
    const before = this.chosen;
    this.chosen = new Set(items);
    for (const item of before) if (!this.chosen.has(item)) this.rows.refresh(item);
    for (const item of this.chosen) if (!before.has(item)) this.rows.refresh(item);
  }

  /** Choose nothing any more; says whether anything was chosen. */
  clear() {
    const any = this.chosen.size > 0;
    this.anchor = null;
    this.choose([]);
    return any;
  }

  has(item) {
    return this.chosen.has(item);
  }

  /** The chosen rows as they are seen, a line each; "" when there are none. */
  get text() {
    return this.buffer.items.filter((item) => this.chosen.has(item)).map(itemText).join("\n");
  }
}
