import { line, t } from "../i18n.js";
import { relayDoors } from "../rtc/diagnose.js";
import { explainPath } from "../rtc/explaincall.js";
import { Dialog } from "./dialog.js";
import { hasRelay } from "./devicepanel.js";
import { RoundTrips } from "./graph.js";
import { html, useEffect, useState } from "./html.js";
import { reportText } from "./report.js";
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
  return line(t(where), path.protocol.toUpperCase(), figures !== null && !Number.isNaN(figures.rtt) && t("path.ms", { n: Math.round(figures.rtt) }));
}

/** The connection in one line; a button, since there is more to know. @param {import("./root.js").PageProps & {onOpen: () => void}} props */
export function ConnectionBadge({ state, onOpen }) {
  const worst = worstOf(state.call?.members ?? []);
  if (!worst) return null;
  const grade = worst.phase === "connected" ? worst.quality : "poor";
  const word = worst.phase === "connected" ? t(`quality.${grade}`) : t(`phase.${worst.phase}`);
  return html`
    <button type="button" class=${`badge badge-${grade}`} data-path=${worst.path?.kind} aria-haspopup="dialog" onClick=${onOpen}>
      <${Icon} name=${BARS[grade]} /><span>${word}</span>
      ${worst.phase === "connected" && html`<span class="badge-path">${pathText(worst)}</span>`}
    </button>`;
}

/** The one whose connection is worst speaks for the call. @param {View[]} members */
function worstOf(members) {
  const rank = (/** @type {View} */ view) => (view.phase === "connected" ? ["good", "fair", "poor"].indexOf(view.quality) : 3);
  return [...members].sort((a, b) => rank(b) - rank(a))[0];
}

/**
 * How the connection to everybody does, or to one.
 * @param {import("./root.js").PageProps & {only?: string, onClose: () => void}} props
 */
export function ConnectionDialog({ app, state, only, onClose }) {
  const members = (state.call?.members ?? []).filter((view) => !only || view.id === only);
  return html`
    <${Dialog} title=${t("connection.title")} onClose=${onClose} wide=${true}>
      ${members.map((view) => html`<${Detail} key=${view.id} view=${view} state=${state} />`)}
      <p class="muted small">${t("connection.note")}</p>
      <div class="row">
        <${CopyReport} app=${app} />
        <a class="button" href="/test" target="_blank">${t("connection.test")}</a>
      </div>
    <//>`;
}

/** What a person may send to whoever helps: no names, no addresses. @param {{app: import("../app.js").App}} props */
export function CopyReport({ app }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    setCopied(await navigator.clipboard.writeText(reportText(app, app.calls.live?.report)).then(() => true, () => false));
  };
  return html`
    <button type="button" class="button" onClick=${copy}><${Icon} name=${copied ? "check" : "copy"} /><span aria-live="polite">${t(copied ? "connection.copied" : "connection.copy")}</span></button>`;
}

/** @param {number} kbps */
const rate = (kbps) => (kbps >= 1000 ? t("connection.mbit", { n: Math.round(kbps / 100) / 10 }) : t("connection.kbit", { n: Math.round(kbps) }));
/** @param {number} share */
const percent = (share) => t("connection.percent", { n: Math.round(share * 1000) / 10 });
/** @param {number} w @param {number} h */
const size = (w, h) => (w ? `${w}×${h}` : "");

/**
 * Why there is no connection to somebody, once that lasts.
 * @param {View} view @param {import("../state.js").State} state @returns {import("../rtc/explain.js").Explanation | null}
 */
export function whyOf(view, { ice, prefs, net }) {
  const { phase, waiting, iceErrors, step, away, relay } = view;
  if (phase === "connected" || !(waiting || phase === "failed" || phase === "lost")) return null;
  return explainPath({ relayOnly: prefs.relayOnly, relays: hasRelay(ice), iceErrors, step, away, offline: net !== "online", relay, doors: relayDoors(ice?.iceServers ?? []) });
}

/** @param {{view: View, state: import("../state.js").State}} props */
function Detail({ view, state }) {
  const { figures: f, told, name } = view;
  const why = whyOf(view, state);
  return html`
    <section class="detail">
      <h3><bdi>${name}</bdi></h3>
      <dl class="facts">
        <div><dt>${t("connection.path")}</dt><dd>${pathText(view)}</dd></div>
        ${f && html`
          <div><dt>${t("connection.up")}</dt><dd>${line(rate(f.upKbps), size(f.sentWidth, f.sentHeight), (f.limited === "cpu" || f.limited === "bandwidth") && t(`connection.limited.${f.limited}`))}</dd></div>
          ${told && html`<div><dt>${t("connection.there", { name })}</dt><dd>${line(rate(told.kbps), size(told.width, told.height), t("connection.lost", { share: percent(told.loss) }))}</dd></div>`}
          <div><dt>${t("connection.down")}</dt><dd>${line(rate(f.downKbps), size(f.width, f.height), f.fps > 0 && t("connection.fps", { n: Math.round(f.fps) }), t("connection.lost", { share: percent(f.lossIn) }))}</dd></div>
          ${f.codec && html`<div><dt>${t("connection.codec")}</dt><dd>${f.codec}</dd></div>`}`}
      </dl>
      <${RoundTrips} values=${view.rtts} />
      ${why && html`<div class="notice"><${Icon} name="alert" /><div class="notice-text"><strong>${t(why.title)}</strong>${why.steps.map((step) => html`<p>${t(step, why.values)}</p>`)}</div></div>`}
    </section>`;
}
