// Shows an author how to print the first line: a snippet for each language, any other program, and curl.

import { copyText } from "./clipboard.js";
import { byId, el, icon } from "./dom.js";
import { curlCommand } from "./export.js";
import { toast } from "./notices.js";
import { recall, remember } from "./preferences.js";

// Every line is one of docs/extension-authors.md, where the tests run them; test_page_getting_started.py compares.
const PYTHON = `import json
from wit_world.imports import context, logging

print(f"asked for {request.http.url}")
logging.log_info(f"debug marker: {context.get_context().request_id}")
print(json.dumps({"level": "warn", "message": "slow page", "page": 3, "ms": 812}))`;

const JAVASCRIPT = `import { getContext } from 'alga:extension/context';
import { logInfo } from 'alga:extension/logging';

console.log(\`asked for \${request.http.url}\`);
logInfo(\`debug marker: \${getContext().requestId}\`);
console.log(JSON.stringify({ level: 'warn', message: 'slow page', page: 3, ms: 812 }));`;

const wrapCommand = (tenant, extension) => `python -m extdebug.runner wrap --tenant ${tenant} --extension ${extension} --request-id job-7 -- ./import.sh`;

/** [key, tab, what it is for, the snippet], for the stream that the page shows. */
function snippets(config, view) {
  const wrapped = view.tenant ? [["wrap", "Any program", "Its output becomes lines of this stream. Run it where the runner's settings are.", wrapCommand(view.tenant, config.extension)]] : [];
  return [
    ["python", "Python", "In your handler: a plain line, a log call, and a line with fields.", PYTHON],
    ["javascript", "JavaScript", "In your handler: a plain line, a log call, and a line with fields.", JAVASCRIPT],
    ...wrapped,
    ["curl", "Read with curl", "The same lines in a terminal. Create a token under My access and put it in EXT_DEBUG_TOKEN.", curlCommand(config, view)],
  ];
}

/** The tabs and their snippets, the one chosen last in front. */
export function gettingStarted({ config, view }) {
  const list = snippets(config, view);
  const tabs = el("div", { class: "start-tabs", role: "tablist", "aria-label": "Print the first line" });
  const box = el("div", { class: "start" }, tabs);
  for (const [key, label, hint, text] of list) {
    const id = `start-${key}`;
    tabs.append(el("button", { type: "button", role: "tab", id: `${id}-tab`, "aria-controls": id, "data-key": key }, label));
    box.append(
      el(
        "div",
        { class: "start-panel", role: "tabpanel", id, "aria-labelledby": `${id}-tab` },
        el("p", {}, hint),
        el("pre", { tabindex: "0", "aria-label": `${label}: the snippet` }, el("code", {}, text)),
        el("button", { type: "button", class: "small", on: { click: () => copySnippet(text) } }, icon("copy"), "Copy"),
      ),
    );
  }
  tabs.addEventListener("click", (e) => e.target.closest("[role=tab]") && choose(box, e.target.closest("[role=tab]").dataset.key));
  tabs.addEventListener("keydown", (e) => step(box, e));
  const last = recall("start", list[0][0]);
  choose(box, list.some(([key]) => key === last) ? last : list[0][0], { keep: false });
  return box;
}

async function copySnippet(text) {
  toast((await copyText(text)) ? "Copied." : "The browser refused the clipboard.");
}

function choose(box, key, { keep = true } = {}) {
  for (const tab of box.querySelectorAll("[role=tab]")) {
    const on = tab.dataset.key === key;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    box.querySelector(`#start-${tab.dataset.key}`).hidden = !on;
  }
  if (keep) remember("start", key);
}

/** Arrow keys, Home and End go over the tabs. */
function step(box, e) {
  const tabs = [...box.querySelectorAll("[role=tab]")];
  const at = tabs.indexOf(e.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key];
  if (at < 0 || to === undefined) return;
  e.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  choose(box, tab.dataset.key);
  tab.focus();
}

/** Open the help where it says what the runner needs. */
export function showRunnerHelp() {
  byId("help").click();
  byId("help-runner").scrollIntoView();
}
