/**
 * What each side tells the other about what arrives there, every two seconds:
 * only both together see both directions.
 *
 * @typedef {object} Digest
 * @property {string} type            kind of the teller's own end of the path: "relay", "host", …
 * @property {string} relayProtocol
 * @property {number} kbps            arriving there
 * @property {number} loss            0 to 1
 * @property {number} fps
 * @property {number} width
 * @property {number} height
 */

/**
 * @param {import("./stats.js").Sample} sample @param {import("./stats.js").Figures | null} figures
 * @returns {Digest}
 */
export function digestOf({ local }, figures) {
  const { downKbps = 0, lossIn = 0, fps = 0, width = 0, height = 0 } = figures ?? {};
  return {
    type: local?.type ?? "", relayProtocol: local?.relayProtocol ?? "",
    kbps: Math.round(downKbps), loss: Math.round(lossIn * 1000) / 1000, fps: Math.round(fps), width, height,
  };
}

/** @param {unknown} value @param {number} most */
const number = (value, most) => (typeof value === "number" && value >= 0 ? Math.min(value, most) : 0);
/** @param {unknown} value */
const word = (value) => (typeof value === "string" ? value.slice(0, 16) : "");

/** @param {any} m  another client's word: judged field by field @returns {Digest} */
export function readDigest(m) {
  return {
    type: word(m.type), relayProtocol: word(m.relayProtocol),
    kbps: number(m.kbps, 1e7), loss: number(m.loss, 1), fps: number(m.fps, 240), width: number(m.width, 16384), height: number(m.height, 16384),
  };
}
