// The card that says why nothing is live: an end, a denial, a choice to make, and what to do next.

import { byId, el, icon } from "./dom.js";
import { plain } from "./text.js";
import { clock, endingWords } from "./words.js";

/**
 * Show the card. `end` is a closing frame or a tenant's entry of the page config (reason, hint,
 * checks, canRequest). `actions` are [{label, run, primary}].
 */
export function showEnding({ end, title, actions = [], request = null }) {
  const words = endingWords(end);
  const card = byId("ending");
  const heading = el("h2", { tabindex: "-1" }, title ?? words.title);
  card.replaceChildren(heading);
  if (words.text && words.text !== (title ?? words.title)) card.append(el("p", {}, plain(words.text)));
  card.append(el("p", { class: "advice" }, plain(words.advice)));
  if (end.checks?.length) card.append(checkList(end.checks));
  const row = el("div", { class: "acts" });
  for (const { label, run, primary, href } of actions) {
    row.append(
      href
        ? el("a", { class: primary ? "button primary" : "button", href }, label)
        : el("button", { type: "button", class: primary ? "primary" : "", on: { click: run } }, label),
    );
  }
  if (row.childNodes.length) card.append(row);
  if (end.canRequest && request) card.append(requestForm(request));
  card.hidden = false;
  if (!byId("filters").contains(document.activeElement)) heading.focus({ preventScroll: true });
}

export function hideEnding() {
  byId("ending").hidden = true;
}

/** Counting down to the next attempt; returns a function that stops it. */
export function waitingWords(state, onText) {
  const tell = () => onText(`in ${clock((state.at - performance.now()) / 1000)}`);
  tell();
  const timer = setInterval(tell, 500);
  return () => clearInterval(timer);
}

function checkList(checks) {
  const list = el("ul", { class: "checks", "aria-label": "Rules asked" });
  for (const { rule, ok, reason, hint } of checks) {
    const item = el("li", { class: ok ? "ok" : "no" }, icon(ok ? "ok" : "close"));
    const text = el("div", {}, el("b", {}, ok ? "Yes: " : "No: "), plain(reason || rule));
    if (!ok && hint) text.append(el("div", { class: "faint" }, plain(hint)));
    item.append(text);
    list.append(item);
  }
  return list;
}

/**
 * The form that asks operators for access. `request` = {tenant, extension, installs: [{id, name}],
 * chosen: [id], url}.
 */
export function requestForm({ tenant, extension, installs, chosen = [], url = "/api/ext-debug/grants" }) {
  const form = el("form", { class: "request-access" });
  const reason = el("textarea", { name: "reason", required: true, maxlength: "1000", rows: "2", placeholder: "What you are looking for, and why live" });
  const ticket = el("input", { name: "ticket", maxlength: "128", placeholder: "e.g. SUP-1234" });
  const minutes = el("select", { name: "minutes" });
  for (const [value, text] of [[15, "15 minutes"], [30, "30 minutes"], [60, "1 hour"], [120, "2 hours"], [240, "4 hours"], [480, "8 hours"]]) {
    minutes.append(el("option", { value, selected: value === 60 }, text));
  }
  const boxes = el("div", { class: "boxes" });
  for (const { id, name } of installs ?? []) {
    const box = el("input", { type: "checkbox", name: "installs", value: id });
    box.checked = chosen.length ? chosen.includes(id) : true;
    boxes.append(el("label", { class: "check" }, box, plain(name || id)));
  }
  const answer = el("p", { class: "answer", role: "status" });
  const submit = el("button", { class: "primary", type: "submit" }, "Request access");
  form.append(
    el("h3", {}, "Request access"),
    el("p", { class: "faint" }, "An operator decides; the time counts from the approval. Your request and every line you open are on record."),
    el("label", {}, el("span", {}, "Reason"), reason),
    el("div", { class: "pair" }, el("label", {}, el("span", {}, "Ticket"), ticket), el("label", {}, el("span", {}, "For"), minutes)),
  );
  if (boxes.childNodes.length > 1) form.append(el("fieldset", {}, el("legend", {}, "Installs"), boxes));
  form.append(submit, answer);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    submit.disabled = true;
    const all = [...boxes.querySelectorAll("input")];
    const body = {
      tenant,
      extension,
      installs: all.filter((box) => box.checked).map((box) => box.value),
      reason: reason.value,
      ticket: ticket.value,
      minutes: Number(minutes.value),
    };
    const { ok, message } = await post(url, body);
    answer.className = `answer ${ok ? "ok" : "no"}`;
    answer.textContent = message;
    submit.disabled = ok;
  });
  return form;
}

async function post(url, body) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
  try {
    const response = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
    });
    const said = await response.json().catch(() => ({}));
    const ok = response.ok && said.ok !== false;
    return { ok, message: said.message || (ok ? "Requested. You will hear from an operator." : `The console answered ${response.status}. Try again, or tell an operator.`) };
  } catch {
    return { ok: false, message: "The console could not be reached. Nothing was sent; try again." };
  }
}
