// Lets the headings of columns be dragged to another place. The menu of each does the same by keyboard and touch.

/** `box` holds the headings, each with its name as data-column; `onPlace(name, at)` puts a column at a place. */
export function setUpColumnDrag(box, onPlace) {
  let dragged = null;
  const headingOf = (e) => e.target.closest?.("[data-column]");

  /** Where the dragged column would stand: the heading under the pointer, and whether behind it. */
  function aim(e) {
    const heading = headingOf(e);
    if (!heading || heading === dragged) return null;
    const { left, width } = heading.getBoundingClientRect();
    return { heading, behind: e.clientX > left + width / 2 };
  }

  function show(aimed) {
    for (const each of box.children) delete each.dataset.drop;
    if (aimed) aimed.heading.dataset.drop = aimed.behind ? "behind" : "before";
  }

  box.addEventListener("dragstart", (e) => {
    dragged = headingOf(e);
    if (!dragged) return;
    dragged.open = false;
    e.dataTransfer.effectAllowed = "move";
    e.dataTransfer.setData("text/plain", dragged.dataset.column);
  });
  box.addEventListener("dragover", (e) => {
    if (!dragged) return; // something from elsewhere
    e.preventDefault();
    show(aim(e));
  });
  box.addEventListener("dragleave", (e) => box.contains(e.relatedTarget) || show(null));
  box.addEventListener("dragend", () => {
    show(null);
    dragged = null;
  });
  box.addEventListener("drop", (e) => {
    const aimed = dragged && aim(e);
    if (!aimed) return;
    e.preventDefault();
    const others = [...box.children].filter((each) => each !== dragged);
    onPlace(dragged.dataset.column, others.indexOf(aimed.heading) + (aimed.behind ? 1 : 0));
    dragged = null;
  });
}
