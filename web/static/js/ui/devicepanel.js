import { t } from "../i18n.js";
import { explainDevice } from "../rtc/explain.js";
import { meter } from "../rtc/level.js";
import { html, useEffect, useRef } from "./html.js";
import { Icon } from "./icon.js";
import { canChooseSpeaker, setSpeaker } from "./media.js";
import { toneUrl } from "./tone.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** The choice of camera, microphone and speaker. @param {PageProps} props */
export function DevicePanel({ app, state }) {
  const { lists, devices, prefs } = state;
  return html`
    <div class="devices">
      <${Picker} id="pick-cam" icon="video" label=${t("device.cam")} list=${lists.video} chosen=${prefs.cam} none=${t("device.none.cam")}
        onChoose=${(/** @type {string} */ id) => app.chooseDevice("cam", id)} />
      <${Picker} id="pick-mic" icon="mic" label=${t("device.mic")} list=${lists.audio} chosen=${prefs.mic} none=${t("device.none.mic")}
        onChoose=${(/** @type {string} */ id) => app.chooseDevice("mic", id)} />
      <${LevelMeter} track=${devices.mic.on ? devices.mic.track : null} />
      ${canChooseSpeaker && html`
        <${Picker} id="pick-speaker" icon="volume" label=${t("device.speaker")} list=${lists.output} chosen=${prefs.speaker} none=${t("device.default")}
          onChoose=${(/** @type {string} */ id) => app.chooseDevice("speaker", id)}><${TestSound} speaker=${prefs.speaker} /><//>`}
    </div>`;
}

/**
 * @param {{id: string, icon: string, label: string, list: MediaDeviceInfo[], chosen: string, none: string,
 *   onChoose: (id: string) => void, children?: unknown}} props
 */
function Picker({ id, icon, label, list, chosen, none, onChoose, children }) {
  const known = list.some((device) => device.deviceId === chosen);
  return html`
    <div class="picker">
      <label for=${id}><${Icon} name=${icon} /><span>${label}</span></label>
      <div class="field-row">
        <select id=${id} disabled=${!list.length} onChange=${(/** @type {any} */ e) => onChoose(e.target.value)}>
          ${!list.length && html`<option>${none}</option>`}
          ${list.length && !known ? html`<option value="" selected>${t("device.default")}</option>` : null}
          ${list.map((device, i) => html`<option key=${device.deviceId} value=${device.deviceId} selected=${device.deviceId === chosen}>
            ${device.label || t("device.nth", { n: i + 1 })}</option>`)}
        </select>
        ${children}
      </div>
    </div>`;
}

/** Shows that the microphone hears. The bars are drawn, not read out. @param {{track: MediaStreamTrack | null}} props */
export function LevelMeter({ track }) {
  const ref = useRef(/** @type {HTMLMeterElement | null} */ (null));
  useEffect(() => {
    const bar = ref.current;
    if (!bar) return;
    bar.value = 0;
    if (track) return meter(track, (level) => (bar.value = level));
  }, [track]);
  return html`<meter ref=${ref} class="level" min="0" max="1" value="0" aria-label=${t("device.level")}></meter>`;
}

/** @param {{speaker: string}} props */
function TestSound({ speaker }) {
  const ref = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const play = async () => {
    const audio = ref.current;
    if (!audio) return;
    audio.src ||= toneUrl();
    await setSpeaker(audio, speaker);
    await audio.play().catch(() => {}); // no speaker at all: nothing to hear, nothing to say
  };
  return html`
    <button type="button" class="button" onClick=${play}>${t("device.test")}</button>
    <audio ref=${ref}></audio>`;
}

/** "Hide my IP address": everything through this server's relay. @param {PageProps} props */
export function RelayToggle({ app, state }) {
  const possible = hasRelay(state.ice);
  const forced = state.ice?.iceTransportPolicy === "relay";
  return html`
    <div class="check">
      <input type="checkbox" id="relay-only" checked=${forced || (possible && state.prefs.relayOnly)} disabled=${!possible || forced}
        onChange=${(/** @type {any} */ e) => app.setPrefs({ relayOnly: e.target.checked })} aria-describedby="relay-note" />
      <div><label for="relay-only">${t("relay.only")}</label>
        <p class="muted small" id="relay-note">${t(possible ? "relay.note" : "relay.none")}</p></div>
    </div>`;
}

/** @param {import("../net/types.js").Ice | null} ice */
export const hasRelay = (ice) => (ice?.iceServers ?? []).some(({ urls }) => [urls].flat().some((url) => url.startsWith("turn")));

/** Whether the page around this one, or a header, forbids the device. @param {"mic" | "cam"} device */
const forbidden = (device) =>
  /** @type {any} */ (document).featurePolicy?.allowsFeature(device === "mic" ? "microphone" : "camera") === false;

/** Why a device is not there, with what to do. @param {PageProps & {device: "mic" | "cam"}} props */
export function DeviceProblem({ app, state, device }) {
  const { error, on } = state.devices[device];
  if (!error || !on) return null;
  const { title, steps, actions, values } = explainDevice(error, device, { ua: navigator.userAgent, origin: location.origin, embedded: forbidden(device) });
  return html`
    <div class="notice" role="status">
      <${Icon} name="alert" />
      <div class="notice-text"><strong>${t(title, values)}</strong>
        ${steps.map((step) => html`<p>${t(step, values)}</p>`)}</div>
      <div class="row">
        ${actions.includes("retry") && html`<button type="button" class="button button-small" onClick=${() => app.setDevice(device, true)}>${t("common.retry")}</button>`}
        ${actions.includes("without") && html`<button type="button" class="button button-small button-quiet" onClick=${() => app.setDevice(device, false)}>${t("device.without")}</button>`}
      </div>
    </div>`;
}
