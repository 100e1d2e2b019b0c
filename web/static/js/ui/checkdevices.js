import { ask, listen } from "../check/devices.js";
import { within } from "../check/loop.js";
import { one } from "../check/checks.js";
import * as verdict from "../check/verdict.js";
import { t } from "../i18n.js";
import { explainDevice } from "../rtc/explain.js";
import { html, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";
import { toneUrl } from "./tone.js";

/** @typedef {import("../check/checks.js").Row} Row */
/** @typedef {{onRow: (row: Row) => void}} Props */

/** How long the camera is watched: some need a second to wake up. */
const WATCH_MS = 2_500;
/** A camera that has given nothing by then gives nothing. */
const START_MS = 5_000;
/** Pages that are not secure have no devices to ask for. */
const noDevices = () => Promise.reject(Object.assign(new Error("insecure"), { name: "InsecureContext" }));
/** The picture is judged by a small copy of it. */
const SAMPLE = 32;

/**
 * A device that does not open is told in the words of the lobby.
 * @param {"mic" | "cam"} device @param {string} id
 * @param {() => Promise<object>} look @param {(facts: any) => import("../check/verdict.js").Verdict} judge
 * @returns {Promise<Row>}
 */
function opened(device, id, look, judge) {
  return one(id, () => look().catch((error) => ({ error })), (facts) => {
    if (!facts.error) return judge(facts);
    const { title, values } = explainDevice(facts.error, device, { ua: navigator.userAgent, origin: location.origin });
    facts.error = String(facts.error.name);
    return { state: "fail", key: title, values };
  });
}

/** @param {Props} props */
export function MicCheck({ onRow }) {
  const bar = useRef(/** @type {HTMLMeterElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    onRow({ id: "mic", state: "running", verdict: null, facts: {} });
    const look = () => (navigator.mediaDevices ? listen((level) => bar.current && (bar.current.value = level)) : noDevices());
    onRow(await opened("mic", "mic", look, verdict.mic));
    setBusy(false);
  };
  return html`
    <button type="button" class="button button-small" aria-disabled=${busy ? "true" : "false"} onClick=${() => busy || start()}><${Icon} name="mic" /><span>${t("check.mic.go")}</span></button>
    ${busy && html`<meter ref=${bar} class="level" min="0" max="1" value="0" aria-label=${t("device.level")}></meter>`}`;
}

/** @param {Props} props */
export function SpeakerCheck({ onRow }) {
  const audio = useRef(/** @type {HTMLAudioElement | null} */ (null));
  const [asked, setAsked] = useState(false);
  const play = async () => {
    if (!audio.current) return;
    audio.current.src ||= toneUrl();
    await audio.current.play().catch(() => {}); // no speaker at all: the person will say so
    setAsked(true);
  };
  const answer = (/** @type {boolean} */ heard) => {
    setAsked(false);
    const found = verdict.speaker({ heard });
    onRow({ id: "speaker", state: found.state, verdict: found, facts: { heard } });
  };
  return html`
    <audio ref=${audio}></audio>
    <button type="button" class="button button-small" onClick=${play}><${Icon} name="volume" /><span>${t("check.speaker.go")}</span></button>
    ${asked && html`<span class="check-ask" role="group" aria-label=${t("check.speaker.ask")}><span>${t("check.speaker.ask")}</span>
      <button type="button" class="button button-small" onClick=${() => answer(true)}>${t("common.yes")}</button>
      <button type="button" class="button button-small" onClick=${() => answer(false)}>${t("common.no")}</button></span>`}`;
}

/** @param {HTMLVideoElement} video @returns {number} the brightest pixel, 0 to 255 */
function brightest(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SAMPLE, height: SAMPLE });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(video, 0, 0, SAMPLE, SAMPLE);
  const pixels = context?.getImageData(0, 0, SAMPLE, SAMPLE).data ?? [];
  return Math.max(0, ...[...pixels].filter((_, i) => i % 4 !== 3));
}

/** @param {HTMLVideoElement} video */
async function watch(video) {
  const stream = await ask({ video: true });
  try {
    video.srcObject = stream;
    await within(video.play(), START_MS).catch(() => {}); // no frame at all: the count says so
    const before = video.getVideoPlaybackQuality().totalVideoFrames;
    await new Promise((done) => setTimeout(done, WATCH_MS));
    const frames = video.getVideoPlaybackQuality().totalVideoFrames - before;
    const label = stream.getVideoTracks()[0]?.label ?? "";
    return { width: video.videoWidth, height: video.videoHeight, fps: frames / (WATCH_MS / 1000), bright: brightest(video), label };
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

/** @param {Props} props */
export function CameraCheck({ onRow }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    onRow({ id: "camera", state: "running", verdict: null, facts: {} });
    const look = () => (navigator.mediaDevices && video.current ? watch(video.current) : noDevices());
    onRow(await opened("cam", "camera", look, verdict.camera));
    setBusy(false);
  };
  return html`
    <button type="button" class="button button-small" aria-disabled=${busy ? "true" : "false"} onClick=${() => busy || start()}><${Icon} name="video" /><span>${t("check.camera.go")}</span></button>
    <video ref=${video} class=${busy ? "check-video mirrored" : "check-video visually-hidden"} muted playsinline aria-label=${t("lobby.preview")}></video>`;
}
