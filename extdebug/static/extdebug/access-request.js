// Builds the form that asks the operators for access, and sends it.

import { el } from "./dom.js";
import { plain } from "./safe-text.js";

/**
 * The form for one target: {tenant, extension, installs: [{id, name}], chosen: [id], url}. It posts
 * itself to `url` and shows the answer.
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
