// Copies selected or chosen rows as they are seen, one line each: the browser alone would paste a line a column.

import { itemText } from "./export.js";

/** Take over the copying of a selection that spans cells or rows of `rows`. */
export function copySelectedRows(rows) {
  rows.scroller.addEventListener("copy", (e) => {
    const chosen = getSelection();
    if (chosen.isCollapsed || !chosen.rangeCount) return;
    const range = chosen.getRangeAt(0);
    const within = range.commonAncestorContainer;
    const cell = within.nodeType === Node.ELEMENT_NODE ? within : within.parentElement;
    if (cell.closest(".body, .detail")) return; // a piece of one message: as the browser does it
    const texts = [];
    for (const node of rows.list.children) {
      const item = holdsText(range, node) && rows.itemOf(node);
      if (item) texts.push(itemText(item));
    }
    if (!texts.length) return;
    e.clipboardData.setData("text/plain", texts.join("\n"));
    e.preventDefault();
  });
}

/** The browser's own command to copy (Ctrl C) takes the rows chosen by keys, unless text is selected. */
export function copyChosenRows(text) {
  document.addEventListener("copy", (e) => {
    if (e.defaultPrevented || !getSelection().isCollapsed || e.target.closest?.("input, textarea")) return;
    const chosen = text();
    if (!chosen) return;
    e.clipboardData.setData("text/plain", chosen);
    e.preventDefault();
  });
}

/** Whether something of the row itself is selected, not just its edge. */
function holdsText(range, node) {
  if (!range.intersectsNode(node)) return false;
  const part = document.createRange();
  part.selectNodeContents(node);
  if (node.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
  if (node.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
  return part.toString().trim() !== "";
}
