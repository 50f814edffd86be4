// Gives the query box and the request field their proposals.

import { Combobox } from "./combobox.js";
import { suggestionsFor } from "./suggestions.js";

const MOST = 8; // requests proposed

/** `vocabulary` knows what this page was sent; `filters` the installs, and what to do with what is taken. */
export function setUpCompletion({ filters, vocabulary }) {
  new Combobox({
    input: filters.q,
    label: "What the filter can ask",
    suggest: (text, caret) => suggestionsFor(text, caret, { vocabulary, installs: filters.installs }),
    onTaken: () => filters.typed(filters.q),
    onClosed: () => filters.typed(filters.q),
    always: true,
  });
  new Combobox({
    input: filters.request,
    label: "Requests seen on this page",
    suggest: (text) => requestsLike(text, vocabulary),
    onTaken: () => filters.read(),
  });
}

/** The requests whose id has the text in it, those that begin with it first. */
export function requestsLike(text, vocabulary) {
  const start = text.trim().replace(/^\*|\*$/g, "").toLowerCase();
  const place = (id) => id.toLowerCase().indexOf(start);
  const found = vocabulary.values("request").filter((id) => place(id) >= 0 && id !== text);
  const ranked = [...found.filter((id) => place(id) === 0), ...found.filter((id) => place(id) > 0)];
  return { from: 0, to: text.length, options: ranked.slice(0, MOST).map((id) => ({ text: id, hint: "", done: true })) };
}
