import { t } from "../i18n.js";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";

/** Sixty-four pictures that are told apart at a glance and by a word; their words are in "safety.names". */
const PICTURES = [
  ..."🐶🐱🦁🐴🦄🐷🐘🐰", ..."🐼🐔🐧🐢🐟🐙🦋🌷", ..."🌳🌵🍄🌍🌙🔥🌈🍌", ..."🍎🍓🌽🍕🎂🍋🤖🎩",
  ..."👓🔧🎅👍☂⌛⏰🎁", ..."💡📕✏📎✂🔒🔑🔨", ..."☎🏁🚂🚲✈🚀🏆⚽", ..."🎸🎺🔔⚓🎧📁📌👑",
];

/**
 * Four pictures for two people to compare by voice.
 * @param {{view: import("../rtc/member.js").View, app: import("../app.js").App, onClose: () => void}} props
 */
export function SafetyDialog({ view, app, onClose }) {
  const { safety, name } = view;
  const answer = (/** @type {boolean} */ same) => {
    app.calls.live?.confirm(view.id, same);
    if (same) return onClose();
    onClose();
    app.calls.leave();
  };
  return html`
    <${Dialog} title=${t("safety.title", { name })} onClose=${onClose}>
      ${safety.state === "ready" ? html`
        <p>${t("safety.text", { name })}</p>
        <${Code} code=${safety.code} />
        <p class="muted small">${t("safety.note")}</p>
        ${safety.verified ? html`<p class="safety-done"><${Icon} name="shield" />${t("safety.verified")}</p>` : html`
          <div class="row">
            <button type="button" class="button button-primary" onClick=${() => answer(true)}>${t("safety.same")}</button>
            <button type="button" class="button" onClick=${() => answer(false)}>${t("safety.differ")}</button>
          </div>`}`
      : html`<div class=${safety.state === "broken" ? "notice" : ""}><p>${t(`safety.${safety.state}`, { name })}</p></div>`}
    <//>`;
}

/** @param {{code: number[]}} props */
function Code({ code }) {
  const names = t("safety.names").split(" ");
  return html`
    <ol class="safety-code">
      ${code.map((n, i) => html`<li key=${i}><span class="safety-picture" aria-hidden="true">${`${PICTURES[n]}\uFE0F`}</span><span>${names[n]}</span></li>`)}
    </ol>`;
}

/** In a call of two, who is at the other end is one look away. @param {{view: import("../rtc/member.js").View, onOpen: () => void}} props */
export function SafetyBadge({ view, onOpen }) {
  const { state, verified } = view.safety;
  if (state === "none" || state === "waiting") return null;
  const key = state === "broken" ? "safety.warning" : verified ? "safety.verified" : "safety.open";
  return html`
    <button type="button" class=${`badge badge-safety ${verified ? "badge-good" : state === "broken" ? "badge-poor" : ""}`} aria-haspopup="dialog" onClick=${onOpen}>
      <${Icon} name=${state === "broken" ? "shield-alert" : "shield"} /><span>${t(key)}</span></button>`;
}
