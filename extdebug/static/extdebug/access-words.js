// The sentences and labels of what a person may watch and has asked for. Pure: no DOM, no state.

import { duration, plural } from "./messages.js";
import { plain } from "./safe-text.js";

/** Whether something will still happen to this request by itself: an answer, or its start. */
export const waits = (request) => request?.state === "requested" || request?.state === "scheduled";

/** `request` (own_requests.py, as JSON) as {title, text, tone}; null when there is nothing to say. */
export function requestMessage(request) {
  const words = request && STATES[request.state];
  return words ? words(request) : null;
}

const STATES = {
  requested: (request) => ({
    title: "Waiting for approval",
    text: [
      `${request.label} is waiting for approval. ${whoCanAnswer(request)}${approvals(request)}`,
      `It expires in ${span(request)} if nobody does.`,
      `This page connects by itself when it is approved${request.byMail ? ", and you will hear by e-mail" : ""}.`,
    ].join(" "),
    tone: "warn",
  }),
  scheduled: (request) => ({
    title: "Approved, not started",
    text: `${request.label} is approved and starts in ${span(request)}. This page connects by itself then.`,
    tone: "good",
  }),
  denied: (request) => ({ title: "Request denied", text: answered(request, "denied"), tone: "bad" }),
  revoked: (request) => ({ title: "Access revoked", text: answered(request, "revoked"), tone: "bad" }),
  cancelled: (request) => ({ title: "Request cancelled", text: answered(request, "cancelled"), tone: "bad" }),
  lapsed: (request) => ({ title: "Request expired", text: `${request.label} expired without a decision. You can submit a new request.`, tone: "bad" }),
};

/** What stands beside a tenant's name where one is chosen; empty when it may be watched. */
export function tenantNote({ allowed, request }) {
  if (allowed) return "";
  if (request?.state === "requested") return "waiting for approval";
  if (request?.state === "scheduled") return "approved, not started";
  return "no access";
}

function whoCanAnswer({ canAnswer = [], canAnswerMore = 0 }) {
  const names = canAnswer.map(plain);
  if (canAnswerMore) names.push(plural(canAnswerMore, "other operator"));
  if (!names.length) return "No operator can answer it now: tell an administrator.";
  const last = names.pop();
  return `${names.length ? `${names.join(", ")} or ${last}` : last} can answer it.`;
}

function approvals({ approvals: given = 0, approvalsRequired: needed = 1 }) {
  return needed > 1 ? ` ${given} of ${needed} approvals are given.` : "";
}

function answered({ label, answeredBy, answer }, verb) {
  const said = answer ? `: ${plain(answer)}` : ".";
  return answeredBy ? `${plain(answeredBy)} ${verb} ${label}${said}` : `${label} was ${verb}${said}`;
}

const span = ({ changesIn }) => duration((changesIn ?? 0) * 1000);
