// Shows the card of a closed session: why it ended or was denied, and what can be done next.

import { requestForm, requestNotice } from "./access-request.js";
import { waits } from "./access-words.js";
import { byId, el, icon } from "./dom.js";
import { clock, closeMessage, plural } from "./messages.js";
import { plain } from "./safe-text.js";

const CLOSED = "closed"; // the event of the card when the reader closed or reopened it

/**
 * Show the card. `end` is a closing frame or a tenant's entry of the page's configuration (reason,
 * hint, checks). `actions` are [{label, run or href, primary}]. `request` is what requestForm takes, where
 * access can be asked for; `own` is the reader's own request and `withdrawal` what requestNotice takes
 * besides. `alone`: there are no lines to leave in sight.
 */
export function showClosedCard({ end, title, actions = [], request = null, own = null, withdrawal = {}, alone = false }) {
  const message = closeMessage(end);
  const card = byId("closed-card");
  const heading = el("h2", { tabindex: "-1" }, title ?? message.title);
  const close = el("button", { type: "button", class: "icon-button close", "aria-label": "Close this notice", title: "Close (Escape)", on: { click: closeClosedCard } }, icon("close"));
  card.replaceChildren(heading, close);
  card.classList.toggle("alone", alone);
  const notice = requestNotice(own, withdrawal);
  const waiting = waits(own);
  card.classList.toggle("waiting", waiting);
  // What to do about a failed check was done: it waits for its answer.
  const failed = (end.checks ?? []).filter(({ ok }) => !ok).map((check) => (waiting ? { ...check, hint: "" } : check));
  if (notice) card.append(notice);
  else if (message.text && message.text !== (title ?? message.title)) card.append(el("p", {}, plain(message.text)));
  // What can be done about a failed check stands beside it.
  if (!failed.length && !notice) card.append(el("p", { class: "advice" }, plain(message.advice)));
  if (request) card.append(requestForm(request));
  if (end.checks?.length) card.append(...checkLists(failed, end.checks.filter(({ ok }) => ok)));
  const row = el("div", { class: "acts" });
  for (const { label, run, primary, href } of actions) {
    row.append(
      href
        ? el("a", { class: primary ? "button primary" : "button", href }, label)
        : el("button", { type: "button", class: primary ? "primary" : "", on: { click: run } }, label),
    );
  }
  if (row.childNodes.length) card.append(row);
  card.hidden = false;
  if (!byId("filters").contains(document.activeElement)) heading.focus({ preventScroll: true });
}

export function hideClosedCard() {
  byId("closed-card").hidden = true;
}

/** The reader closes the card; the lines stay, and reopenClosedCard() shows it again. */
export function closeClosedCard() {
  hideClosedCard();
  byId("lines").focus({ preventScroll: true });
  byId("closed-card").dispatchEvent(new Event(CLOSED));
}

export function reopenClosedCard() {
  byId("closed-card").hidden = false;
  byId("closed-card").dispatchEvent(new Event(CLOSED));
}

/** `listener` is called when the reader closed or reopened the card. */
export function onClosedCard(listener) {
  byId("closed-card").addEventListener(CLOSED, listener);
}

/** Call `onText` twice a second with the time until the next attempt; the function that stops it. */
export function countDown(state, onText) {
  const tell = () => onText(`in ${clock((state.at - performance.now()) / 1000)}`);
  tell();
  const timer = setInterval(tell, 500);
  return () => clearInterval(timer);
}

/** The failed checks, and those that passed folded away. */
function checkLists(failed, passed) {
  const parts = [];
  if (failed.length) parts.push(el("ul", { class: "checks", "aria-label": "Access checks" }, ...failed.map(checkItem)));
  if (passed.length) {
    parts.push(el("details", { class: "passed" }, el("summary", {}, `${plural(passed.length, "access check")} passed`), el("ul", { class: "checks", "aria-label": "Passed access checks" }, ...passed.map(checkItem))));
  }
  return parts;
}

function checkItem({ rule, ok, reason, hint }) {
  const text = el("div", {}, el("b", {}, ok ? "Passed: " : "Failed: "), plain(reason || rule));
  if (!ok && hint) text.append(" ", el("span", { class: "faint" }, plain(hint)));
  return el("li", { class: ok ? "ok" : "no" }, icon(ok ? "ok" : "close"), text);
}
