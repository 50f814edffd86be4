// Watches the reader's hands on the rows: wheel, keys, touch, scroll bar and selected text say whether
// the page follows the newest line. What the page scrolls by itself says nothing.

const BOTTOM = 12; // px from the end that still count as "at the end"
const DRAG = 4; // px a finger moves before it counts as scrolling
const UP = new Set(["ArrowUp", "PageUp", "Home"]);
const DOWN = new Set(["ArrowDown", "PageDown", "End"]);

/** Let `rows` (Rows of rows.js) follow, and stop following, as the reader scrolls. */
export function watchScrolling(rows) {
  const { scroller } = rows;
  const scrolls = () => scroller.scrollHeight > scroller.clientHeight + 1;
  const atEnd = () => scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop <= BOTTOM;
  const ours = () => Math.abs(scroller.scrollTop - rows.placed) <= 1;
  // The first pixels upwards are still "at the end": drawing would take them back.
  const leave = () => scrolls() && rows.follow(false);
  const arrive = () => atEnd() && rows.follow(true); // nothing left to scroll, so no scroll event comes

  function scrolled() {
    const own = ours();
    if (!own && !rows.held && atEnd() !== rows.following) rows.follow(atEnd());
    if (!own || !rows.following) rows.draw(); // the newest rows are drawn wherever they are scrolled to
  }

  function release() {
    if (!rows.held) return;
    rows.held = false;
    const chosen = getSelection();
    // Selected text must not scroll away from under the reader.
    if (chosen && !chosen.isCollapsed && rows.list.contains(chosen.anchorNode)) rows.follow(false);
    else if (!ours() && !atEnd()) rows.follow(false);
    rows.draw();
  }

  scroller.addEventListener("scroll", scrolled, { passive: true });
  scroller.addEventListener("wheel", (e) => (e.deltaY < 0 ? leave() : e.deltaY > 0 && arrive()), { passive: true });
  scroller.addEventListener("keydown", (e) => {
    if (UP.has(e.key) || (e.key === " " && e.shiftKey && e.target === scroller)) leave();
    else if (DOWN.has(e.key)) arrive();
  });
  let touched = 0;
  scroller.addEventListener("touchstart", (e) => (touched = e.touches[0].clientY), { passive: true });
  scroller.addEventListener("touchmove", (e) => e.touches[0].clientY - touched > DRAG && leave(), { passive: true });
  scroller.addEventListener("pointerdown", (e) => {
    // Of a press on the scroll bar no browser tells the end reliably.
    rows.held = e.target !== scroller || e.offsetX < scroller.clientWidth;
  });
  addEventListener("pointerup", release);
  addEventListener("pointercancel", release);
}
