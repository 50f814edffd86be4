// Builds the form that asks the operators for access, and the notice of a request that was made.

import { requestMessage } from "./access-words.js";
import { el, icon } from "./dom.js";
import { plain } from "./safe-text.js";

const MINUTES = [[15, "15 minutes"], [30, "30 minutes"], [60, "1 hour"], [120, "2 hours"], [240, "4 hours"], [480, "8 hours"]];

/**
 * The form for one target: {tenant, extension, installs: [{id, name}], chosen: [id], url}. It posts
 * itself to `url`; `onRequested(status)` gets what the console answered.
 */
export function requestForm({ tenant, extension, installs, chosen = [], url = "/api/ext-debug/grants", onRequested = () => {} }) {
  const form = el("form", { class: "request-access" });
  const reason = el("textarea", { name: "reason", required: true, maxlength: "1000", rows: "2", placeholder: "What you are looking for, and why live" });
  const ticket = el("input", { name: "ticket", maxlength: "128", placeholder: "e.g. SUP-1234" });
  const minutes = el("select", { name: "minutes" });
  for (const [value, text] of MINUTES) minutes.append(el("option", { value, selected: value === 60 }, text));
  const boxes = el("div", { class: "boxes" });
  for (const { id, name } of installs ?? []) {
    const box = el("input", { type: "checkbox", name: "installs", value: id });
    box.checked = chosen.length ? chosen.includes(id) : true;
    boxes.append(el("label", { class: "check" }, box, plain(name || id)));
  }
  const answer = el("p", { class: "answer", role: "status", hidden: true });
  const submit = el("button", { class: "primary", type: "submit" }, "Request access");
  form.append(
    el("label", {}, el("span", {}, "Reason"), reason),
    el("div", { class: "pair" }, el("label", {}, el("span", {}, "Ticket"), ticket), el("label", {}, el("span", {}, "For"), minutes), submit),
  );
  if (boxes.childNodes.length > 1) form.append(el("fieldset", {}, el("legend", {}, "Installs"), boxes));
  form.append(answer, el("p", { class: "faint" }, "An operator decides. The duration starts at approval. Requests and sessions are audited."));
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
    const { ok, message, said } = await post(url, body);
    tell(answer, { ok, message });
    submit.disabled = ok;
    if (ok) onRequested(said);
  });
  return form;
}

/**
 * What became of the reader's own `request`; null when there is nothing to say. A pending one has a
 * button that takes it back: `onWithdrawn(status)` gets the console's answer.
 */
export function requestNotice(request, { url = "/api/ext-debug/grants/withdraw", onWithdrawn = () => {} } = {}) {
  const message = requestMessage(request);
  if (!message) return null;
  const answer = el("p", { class: "answer", role: "status", hidden: true });
  const notice = el("div", { class: `own-request ${message.tone}`, role: "status" }, icon(message.tone === "bad" ? "close" : "clock"), el("p", {}, message.text));
  if (request.state === "requested") {
    const withdraw = async () => {
      button.disabled = true;
      const { ok, message: why, said } = await post(url, { grant: request.grant, version: request.version });
      button.disabled = ok;
      if (ok) onWithdrawn(said);
      else tell(answer, { ok, message: why });
    };
    const button = el("button", { type: "button", class: "small", on: { click: withdraw } }, "Withdraw");
    notice.append(button, answer);
  }
  return notice;
}

function tell(answer, { ok, message }) {
  answer.className = `answer ${ok ? "ok" : "no"}`;
  answer.textContent = message;
  answer.hidden = false;
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
    return { ok, said, message: said.message || (ok ? "Requested." : `The console answered ${response.status}. Try again, or tell an operator.`) };
  } catch {
    return { ok: false, said: {}, message: "The console could not be reached. Nothing was sent; try again." };
  }
}
