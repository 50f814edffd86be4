// Gives unfold's controls what assistive technology and the keyboard need: icons that are no words,
// a name for each control, focus and Enter where only a click was heard.
// unfold loads it as a classic script: nothing of it may be global.

(() => {
  const ICON = ".material-symbols-outlined";
  const OPERABLE = "a[href], button, input, select, textarea, label, summary, [role=button]";
  const WORDS = {
    close: "Close",
    dock_to_right: "Show or hide the sidebar",
    expand_more: "More",
    filter_list: "Filters",
    more_vert: "Actions",
    search: "Search",
    visibility: "Show or hide the password",
  };

  function iconWords(node) {
    const icon = node.matches(ICON) ? node : node.querySelector(ICON);
    const name = icon?.textContent.trim() ?? "";
    return WORDS[name] ?? name.replaceAll("_", " ");
  }

  function hasWords(node) {
    if (node.matches(ICON)) return false;
    const copy = node.cloneNode(true);
    for (const icon of copy.querySelectorAll(ICON)) icon.remove();
    return Boolean(copy.textContent.trim() || copy.querySelector("img[alt]:not([alt=''])"));
  }

  function name(node) {
    if (node.hasAttribute("aria-label") || node.hasAttribute("aria-labelledby") || hasWords(node)) return;
    const words = node.title || iconWords(node);
    if (words) node.setAttribute("aria-label", words);
  }

  function pressed(e) {
    if (e.target !== e.currentTarget || (e.key !== "Enter" && e.key !== " ")) return;
    e.preventDefault();
    e.currentTarget.click();
  }

  /** What only hears clicks: a button in all but its element. A backdrop or a frame around controls is none. */
  function makeButton(node) {
    if (node.matches(OPERABLE) || node.querySelector(OPERABLE) || !node.textContent.trim()) return;
    node.setAttribute("role", "button"); // from now on it is OPERABLE
    node.tabIndex = 0;
    node.addEventListener("keydown", pressed);
  }

  /** Its own label, or the one that stands over it: filters have labels that are for nothing. */
  function labelOf(select) {
    let label = select.labels[0];
    for (let around = select; !label && around && around !== select.form; around = around.parentElement) {
      label = around.querySelector("label, h3");
    }
    return label;
  }

  /** select2 names its box by what is chosen, which is nothing at first: by its label, then. */
  function nameSelect(box) {
    const select = box.closest(".select2")?.previousElementSibling;
    const label = select && labelOf(select);
    const shown = box.querySelector(".select2-selection__rendered");
    if (!label || !shown) return;
    label.id ||= `label-of-${select.id || select.name}`;
    box.setAttribute("aria-labelledby", `${label.id} ${shown.id}`.trim());
    if (shown.getAttribute("role") === "textbox") shown.setAttribute("aria-labelledby", label.id);
    const typed = box.querySelector(".select2-search__field");
    typed?.setAttribute("aria-labelledby", label.id);
  }

  function mend() {
    for (const node of document.querySelectorAll("[x-on\\:click]")) makeButton(node);
    for (const node of document.querySelectorAll("a[href], button, [role=button]")) name(node);
    for (const icon of document.querySelectorAll(`${ICON}:not([role=button])`)) icon.setAttribute("aria-hidden", "true");
    for (const box of document.querySelectorAll(".select2-selection")) nameSelect(box);
  }

  /** select2, a formset's new row, a search's results: what comes later is mended when it is there. */
  function begin() {
    mend();
    const seen = (changes) => changes.some(({ addedNodes }) => [...addedNodes].some((node) => node.nodeType === Node.ELEMENT_NODE));
    new MutationObserver((changes) => seen(changes) && mend()).observe(document.body, { childList: true, subtree: true });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
