import { t } from "../i18n.js";
import { explainPath } from "../rtc/explain.js";
import { Dialog } from "./dialog.js";
import { hasRelay } from "./devicepanel.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../rtc/member.js").View} View */

/** Bars as well as a colour: not everybody tells red from green. @type {Record<string, string>} */
const BARS = { good: "signal", fair: "signal-medium", poor: "signal-low" };

/**
 * "Direct · UDP · 12 ms": the way the media takes.
 * @param {View} view @returns {string}
 */
export function pathText({ path, figures }) {
  if (!path) return t("path.none");
  const where = path.kind === "direct" ? "path.direct.word" : path.side === "here" ? "path.relayed.word" : "path.relayed.there";
  const parts = [t(where), path.protocol.toUpperCase()];
  if (figures && !Number.isNaN(figures.rtt)) parts.push(t("path.ms", { n: Math.round(figures.rtt) }));
  return parts.join(" · ");
}

/** The connection in one line; a button, since there is more to know. @param {import("./root.js").PageProps} props */
export function ConnectionBadge({ state }) {
  const [open, setOpen] = useState(false);
  const members = state.call?.members ?? [];
  const worst = worstOf(members);
  if (!worst) return null;
  const grade = worst.phase === "connected" ? worst.quality : "poor";
  const word = worst.phase === "connected" ? t(`quality.${grade}`) : t(`phase.${worst.phase}`);
  return html`
    <button type="button" class=${`badge badge-${grade}`} data-path=${worst.path?.kind} aria-haspopup="dialog" onClick=${() => setOpen(true)}>
      <${Icon} name=${BARS[grade]} /><span>${word}</span>
      ${worst.phase === "connected" && html`<span class="badge-path">${pathText(worst)}</span>`}
    </button>
    ${open && html`<${Details} state=${state} onClose=${() => setOpen(false)} />`}`;
}

/** The one whose connection is worst speaks for the call. @param {View[]} members */
function worstOf(members) {
  const rank = (/** @type {View} */ view) => (view.phase === "connected" ? ["good", "fair", "poor"].indexOf(view.quality) : 3);
  return [...members].sort((a, b) => rank(b) - rank(a))[0];
}

/** @param {{state: import("../state.js").State, onClose: () => void}} props */
const Details = ({ state, onClose }) => html`
  <${Dialog} title=${t("connection.title")} onClose=${onClose}>
    ${(state.call?.members ?? []).map((view) => html`<${Detail} key=${view.id} view=${view} state=${state} />`)}
    <p class="muted small">${t("connection.note")}</p>
  <//>`;

/** @param {{view: View, state: import("../state.js").State}} props */
function Detail({ view, state }) {
  const { figures } = view;
  const relays = hasRelay(state.ice);
  const why = view.phase === "failed" ? explainPath({ relayOnly: state.prefs.relayOnly, relays, iceErrors: view.iceErrors }) : null;
  /** @param {number} kbps */
  const rate = (kbps) => (kbps >= 1000 ? t("connection.mbit", { n: Math.round(kbps / 100) / 10 }) : t("connection.kbit", { n: Math.round(kbps) }));
  return html`
    <section class="detail">
      <h3><bdi>${view.name}</bdi></h3>
      <dl class="facts">
        <div><dt>${t("connection.path")}</dt><dd>${pathText(view)}</dd></div>
        ${figures && html`
          <div><dt>${t("connection.up")}</dt><dd>${rate(figures.upKbps)}</dd></div>
          <div><dt>${t("connection.down")}</dt><dd>${rate(figures.downKbps)}${figures.width ? ` · ${figures.width}×${figures.height} · ${t("connection.fps", { n: Math.round(figures.fps) })}` : ""}</dd></div>
          <div><dt>${t("connection.loss")}</dt><dd>${t("connection.percent", { n: Math.round(figures.loss * 1000) / 10 })}</dd></div>`}
      </dl>
      ${why && html`<div class="notice"><${Icon} name="alert" /><div class="notice-text"><strong>${t(why.title)}</strong>${why.steps.map((step) => html`<p>${t(step)}</p>`)}</div></div>`}
    </section>`;
}
