import { LAYOUT } from "./layout.js";

/**
 * Which codecs are used. The other side takes part in that: what it does not
 * have is not used, whatever is wanted here.
 *
 * @typedef {{codec: Codec, red: boolean}} Wish   red: sound is sent twice
 * @typedef {"auto" | "VP8" | "VP9" | "H264" | "AV1"} Codec   of pictures; "auto": the browser's choice, and VP9 for screens
 */

/** Those that one may choose. @type {readonly Codec[]} */
export const CODECS = ["VP8", "VP9", "H264", "AV1"];

/** The sound is sent twice, so that a lost packet is not heard (RFC 2198). */
const RED = "audio/red";
/** How much loss the ear does not forgive. */
const LOSS = 0.05;
/** How long it must last: the other side reports on sound every 2.5 to 7.5 s (RFC 3550, 6.3.1), and one report is a moment. */
const LOSS_MS = 8_000;

/** @param {"audio" | "video"} kind @returns {readonly RTCRtpCodec[]} what this browser can take */
const known = (kind) => globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];

/** @returns {Codec[]} what this browser offers to choose from */
export const choices = () => CODECS.filter((codec) => known("video").some(({ mimeType }) => mimeType === `video/${codec}`));

/**
 * What each slot is offered with first, "" where the browser's own order is right.
 * @param {import("./layout.js").Slot} slot @param {Wish} wish
 */
function first(slot, { codec, red }) {
  if (slot === "mic") return red ? RED : "";
  if (slot === "screenAudio") return "";
  if (codec !== "auto") return `video/${codec}`;
  return slot === "screen" ? "video/VP9" : "";
}

/**
 * Puts the wanted codecs first, to be called before an offer or answer is made.
 * All others stay in the list: repair formats, and what the other side may have.
 * @param {readonly RTCRtpTransceiver[]} transceivers  in the order of the layout @param {Wish} wish
 * @param {boolean} offers  an offer says the whole order, since the browser would keep an earlier one; an answer follows
 *   the order of the offer where nothing is wanted
 */
export function prefer(transceivers, wish, offers) {
  LAYOUT.forEach(({ slot, kind }, i) => {
    const wanted = first(slot, wish).toLowerCase();
    const rank = (/** @type {RTCRtpCodec} */ { mimeType }) => (mimeType.toLowerCase() === wanted ? 0 : 1);
    transceivers[i]?.setCodecPreferences?.(wanted || offers ? [...known(kind)].sort((a, b) => rank(a) - rank(b)) : []);
  });
}

/** @param {RTCPeerConnection} pc @returns {boolean} whether the other side can take sound that is sent twice */
export const takesRed = (pc) => known("audio").some(({ mimeType }) => mimeType === RED) && /^a=rtpmap:\d+ red\/48000/im.test(pc.remoteDescription?.sdp ?? "");

/** Tells when loss is no passing thing any more. It has no clock. */
export class LossRule {
  #since = NaN;

  /** @param {number} now  milliseconds @param {number} loss  0 to 1 @returns {boolean} */
  add(now, loss) {
    if (!(loss > LOSS)) this.#since = NaN;
    else if (Number.isNaN(this.#since)) this.#since = now;
    return now - this.#since >= LOSS_MS;
  }
}
