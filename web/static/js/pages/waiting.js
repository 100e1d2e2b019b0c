import { clock, t } from "../i18n.js";
import { html, useClock } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Ready } from "../ui/ready.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** One's own open call, until somebody answers it. @param {PageProps} props */
export function Waiting({ app, state }) {
  const { posted } = state;
  const head = html`
    <div class="waiting-head">
      <p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("waiting.text")}</p>
      <p class="muted small">${t(posted?.audience === "signed_in" ? "waiting.for.members" : "waiting.for.all")}</p>
    </div>
    <${Left} expires=${posted?.expires ?? 0} />
    <div class="waiting-actions">
      <button type="button" class="button" onClick=${() => app.board.extend()}><${Icon} name="clock" /><span>${t("waiting.extend")}</span></button>
      <button type="button" class="button" onClick=${() => app.board.withdraw()}><${Icon} name="x" /><span>${t("waiting.cancel")}</span></button>
    </div>`;
  return html`
    <${Ready} app=${app} state=${state} eyebrow=${t("waiting.eyebrow")} title=${posted?.title || t("waiting.untitled")} label=${t("waiting.card")} head=${head}>
      <p class="muted small center">${t("waiting.note")}</p>
    <//>`;
}

/** @param {{expires: number}} props */
function Left({ expires }) {
  const now = useClock();
  const seconds = Math.max(0, Math.round((expires - now) / 1000));
  return html`<p class="waiting-left"><span class="muted">${t("waiting.left")}</span> <strong>${expires ? clock(seconds) : "…"}</strong></p>`;
}
