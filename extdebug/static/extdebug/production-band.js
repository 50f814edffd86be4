// Says that lines of production are shown: of which tenant, by which grant, why, until when, and who else watches.

import { byId, el } from "./dom.js";
import { duration } from "./messages.js";
import { plain } from "./safe-text.js";

/** The grant of an open session and how long it still holds; `now` is the server's, in epoch ms. */
export function grantText(grant, now) {
  const until = new Date(grant.until);
  const clock = until.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  return `${plain(grant.label || `grant ${grant.id}`)} until ${clock} (${duration(until.getTime() - now)} left)`;
}

/** Draw the band, or hide it where `environment` is not production. */
export function drawProductionBand({ environment, tenant, grant, others }, now) {
  const band = byId("production");
  band.hidden = !/^prod/i.test(environment ?? "");
  if (band.hidden) return;
  band.classList.toggle("break-glass", Boolean(grant?.breakGlass));
  const parts = [el("strong", {}, grant?.breakGlass ? "Production, by break-glass" : "Production")];
  if (tenant) parts.push(el("span", { class: "band-tenant" }, plain(tenant)));
  if (grant) {
    parts.push(el("span", { id: "grant", title: "The grant this session stands on; it ends when the grant does" }, grantText(grant, now)));
    if (grant.reason) parts.push(el("span", { class: "band-reason", title: plain(grant.reason) }, plain(grant.reason)));
  }
  if (others) parts.push(el("span", { id: "band-others", title: `Watch this stream now: ${others}` }, `Also watching: ${others}`));
  band.replaceChildren(...parts);
}
