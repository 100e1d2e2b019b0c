import { t } from "../i18n.js";
import { explainShare } from "../rtc/explaincall.js";
import { announce } from "./announce.js";
import { whyOf } from "./connection.js";
import { DeviceProblem } from "./devicepanel.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";
import { useVoice } from "./inside.js";
import { useDiagnosis } from "./links.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** Everything that went wrong with one's own devices, or with the way to somebody, above the stage. @param {PageProps} props */
export function Notices({ app, state }) {
  const { mic, cam } = state.devices;
  const [warning, dismiss] = useVoice(mic);
  useEffect(() => {
    if (warning === "muted") announce({ key: "voice.muted" }, true);
  }, [warning]);
  return html`
    <div class="call-notices">
      <${DeviceProblem} app=${app} state=${state} device="mic" />
      <${DeviceProblem} app=${app} state=${state} device="cam" />
      <${NoWay} state=${state} />
      <${Waiting} state=${state} />
      <${Instead} app=${app} state=${state} device="mic" />
      <${Instead} app=${app} state=${state} device="cam" />
      <${ShareProblem} app=${app} state=${state} />
      ${warning === "dead" && mic.on && html`<${Notice} text=${t("voice.dead", { name: mic.track?.label || t("device.mic") })} steps=${t("voice.dead.steps")} onClose=${dismiss} />`}
      ${warning === "muted" && html`<${Notice} text=${t("voice.muted")} action=${t("voice.unmute")} onAction=${() => app.setDevice("mic", true)} onClose=${dismiss} />`}
      ${mic.held && mic.on && html`<${Notice} text=${t("device.held.mic")} />`}
      ${cam.held && cam.on && html`<${Notice} text=${t("device.held.cam")} />`}
      ${(state.call?.members ?? []).some((view) => view.paused) && state.devices.cam.on && html`<${Notice} icon="pause" text=${t("paused.text")} steps=${t("paused.steps")} />`}
    </div>`;
}

/** @param {{text: string, steps?: string, icon?: string, action?: string, onAction?: () => void, onClose?: () => void}} props */
const Notice = ({ text, steps, icon = "alert", action, onAction, onClose }) => html`
  <div class="notice" role="status">
    <${Icon} name=${icon} />
    <div class="notice-text"><strong>${text}</strong>${steps && html`<p>${steps}</p>`}</div>
    ${action && html`<div class="row"><button type="button" class="button button-small" onClick=${onAction}>${action}</button></div>`}
    ${onClose && html`<button type="button" class="button button-quiet button-icon notice-x" aria-label=${t("common.close")} onClick=${onClose}><${Icon} name="x" /></button>`}
  </div>`;

/** Another device has taken the place of one that went away. @param {PageProps & {device: "mic" | "cam"}} props */
function Instead({ app, state, device }) {
  const { instead } = state.devices[device];
  if (!instead) return null;
  return html`<${Notice} icon="info" text=${t(`device.ended.${device}`)} steps=${t("device.instead", { name: instead })} onClose=${() => app.o.media.forget(device)} />`;
}

/** Why there is no way to somebody; one of them, since the reason is mostly the same. @param {{state: import("../state.js").State}} props */
function NoWay({ state }) {
  const side = useDiagnosis(state);
  const why = (state.call?.members ?? []).map((view) => whyOf(view, state)).find(Boolean);
  if (!why) return null;
  const steps = [...why.steps.map((step) => t(step, why.values)), ...(side ? [t(`diagnosis.${side}`)] : [])];
  return html`<${Notice} icon="wifi-off" text=${t(why.title)} steps=${steps.join(" ")} />`;
}

/** The browser's question may hide behind a window. @type {number} milliseconds */
const PATIENCE_MS = 8_000;

/** @param {{state: import("../state.js").State}} props */
function Waiting({ state }) {
  const busy = state.devices.mic.busy || state.devices.cam.busy;
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!busy) return;
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [busy]);
  return busy && long ? html`<${Notice} text=${t("device.waiting")} steps=${t("device.waiting.steps")} />` : null;
}

/** @param {PageProps} props */
function ShareProblem({ app, state }) {
  const { failure } = state.screen;
  const why = failure && explainShare(failure.error, failure.ms, { ua: navigator.userAgent, origin: location.origin });
  if (!why) return null;
  const { screen } = app.o.media;
  return html`<${Notice} text=${t(why.title)} steps=${why.steps.map((step) => t(step)).join(" ")} action=${t("common.retry")}
    onAction=${() => screen.start()} onClose=${() => screen.forget()} />`;
}

/** Who came and who went stays readable for so long. */
const TOAST_MS = 5_000;

/** @param {{members: import("../rtc/member.js").View[]}} props */
export function Comings({ members }) {
  const known = useRef(new Map(members.map((view) => [view.id, view.name])));
  const [lines, setLines] = useState(/** @type {{id: number, text: string}[]} */ ([]));
  const next = useRef(0);
  const ids = members.map((view) => view.id).join();
  useEffect(() => {
    const now = new Map(members.map((view) => [view.id, view.name]));
    const said = [
      ...[...now].filter(([id]) => !known.current.has(id)).map(([, name]) => t("call.joined", { name })),
      ...[...known.current].filter(([id]) => !now.has(id)).map(([, name]) => t("call.left", { name })),
    ].map((text) => ({ id: next.current++, text }));
    known.current = now;
    if (!said.length) return;
    setLines((all) => [...all, ...said].slice(-3));
    setTimeout(() => setLines((all) => all.filter((line) => !said.includes(line))), TOAST_MS);
  }, [ids]);
  // The live regions of the shell say the same aloud.
  return html`<div class="comings" aria-hidden="true">${lines.map((line) => html`<p key=${line.id} class="coming">${line.text}</p>`)}</div>`;
}
