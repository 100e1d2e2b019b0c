/**
 * Figures of one connection, derived from two looks at getStats().
 *
 * @typedef {{type: string, protocol: string, relayProtocol: string}} End  one end of the selected pair
 *
 * @typedef {object} Sample       raw counters at one time
 * @property {number} at          milliseconds
 * @property {number} received    packets and messages; grows while anything arrives
 * @property {number} bytesIn
 * @property {number} bytesOut
 * @property {number} packetsIn
 * @property {number} lostIn
 * @property {number} frames      decoded
 * @property {number} frozen      seconds
 * @property {number} lossOut     0 to 1, as the other side reports
 * @property {number} samples     of sound, played
 * @property {number} concealed   of those, made up because nothing had come
 * @property {number} rtt         milliseconds; NaN while unknown
 * @property {number} width
 * @property {number} height
 * @property {number} sentWidth
 * @property {number} sentHeight
 * @property {string} limited     what holds the encoder of the camera back: "none", "cpu", "bandwidth", "other"
 * @property {number} estimate    bits a second that the browser thinks the uplink has; NaN while unknown
 * @property {string} codec       of the picture that comes, as "VP8"
 * @property {End | null} local
 * @property {End | null} remote
 *
 * @typedef {object} Figures
 * @property {number} downKbps
 * @property {number} upKbps
 * @property {number} loss        0 to 1, the worse direction
 * @property {number} lossIn      of what comes
 * @property {number} lossOut     of what is sent
 * @property {number} concealed   share of the sound that was made up, 0 to 1
 * @property {number} fps
 * @property {number} freeze      share of the time, 0 to 1
 * @property {number} rtt
 * @property {number} width
 * @property {number} height
 * @property {number} sentWidth
 * @property {number} sentHeight
 * @property {string} limited
 * @property {number} estimate
 * @property {string} codec
 */

/** @param {Map<string, any>} report @param {any} [transport] */
function selectedPair(report, transport) {
  const named = report.get(transport?.selectedCandidatePairId);
  if (named) return named;
  for (const item of report.values()) {
    if (item.type === "candidate-pair" && (item.selected || (item.nominated && item.state === "succeeded"))) return item;
  }
}

/** @param {any} candidate @returns {End | null} */
function endOf(candidate) {
  if (!candidate) return null;
  const { candidateType = "", protocol = "", relayProtocol = "" } = candidate;
  return { type: candidateType, protocol, relayProtocol };
}

/** What each kind of record adds to a sample; a table, since there are many kinds. */
/** @type {Record<string, (s: Sample, item: any, report: Map<string, any>) => void>} */
const READ = {
  "inbound-rtp": (s, item, report) => {
    s.received += item.packetsReceived ?? 0;
    s.packetsIn += item.packetsReceived ?? 0;
    s.lostIn += item.packetsLost ?? 0;
    s.bytesIn += item.bytesReceived ?? 0;
    s.frames += item.framesDecoded ?? 0;
    s.frozen += item.totalFreezesDuration ?? 0;
    s.width = Math.max(s.width, item.frameWidth ?? 0);
    s.height = Math.max(s.height, item.frameHeight ?? 0);
    s.samples += item.totalSamplesReceived ?? 0;
    s.concealed += item.concealedSamples ?? 0;
    if (item.kind === "video" && item.framesDecoded) s.codec = String(report.get(item.codecId)?.mimeType ?? "").replace("video/", "");
  },
  "outbound-rtp": (s, item) => {
    s.bytesOut += item.bytesSent ?? 0;
    s.sentWidth = Math.max(s.sentWidth, item.frameWidth ?? 0);
    s.sentHeight = Math.max(s.sentHeight, item.frameHeight ?? 0);
    // Only a picture that is being sent is held back by anything.
    const reason = item.active === false || !item.framesEncoded ? "none" : item.qualityLimitationReason ?? "none";
    if (item.kind === "video" && reason !== "none") s.limited = reason;
  },
  "remote-inbound-rtp": (s, item) => {
    s.lossOut = Math.max(s.lossOut, item.fractionLost ?? 0);
    if (Number.isNaN(s.rtt) && item.roundTripTime) s.rtt = item.roundTripTime * 1000;
  },
  "data-channel": (s, item) => {
    s.received += item.messagesReceived ?? 0;
  },
};

/**
 * @param {RTCStatsReport | Map<string, any>} report @param {number} at  milliseconds
 * @returns {Sample}
 */
export function readReport(report, at) {
  const map = /** @type {Map<string, any>} */ (report);
  const transport = [...map.values()].find((item) => item.type === "transport");
  const pair = selectedPair(map, transport);
  /** @type {Sample} */
  const sample = {
    at, received: 0, bytesIn: 0, bytesOut: 0, packetsIn: 0, lostIn: 0, frames: 0, frozen: 0, lossOut: 0,
    rtt: pair?.currentRoundTripTime === undefined ? NaN : pair.currentRoundTripTime * 1000,
    samples: 0, concealed: 0, width: 0, height: 0, sentWidth: 0, sentHeight: 0, limited: "none", codec: "",
    estimate: pair?.availableOutgoingBitrate ?? NaN,
    local: endOf(map.get(pair?.localCandidateId)),
    remote: endOf(map.get(pair?.remoteCandidateId)),
  };
  for (const item of map.values()) READ[item.type]?.(sample, item, map);
  return sample;
}

/**
 * @param {Sample} before @param {Sample} now
 * @returns {Figures}
 */
export function derive(before, now) {
  const seconds = Math.max((now.at - before.at) / 1000, 0.001);
  /** @param {"bytesIn" | "bytesOut" | "frames" | "frozen" | "packetsIn" | "lostIn" | "samples" | "concealed"} field */
  const grown = (field) => Math.max(now[field] - before[field], 0);
  const expected = grown("packetsIn") + grown("lostIn");
  const lossIn = expected ? grown("lostIn") / expected : 0;
  const { rtt, width, height, sentWidth, sentHeight, limited, estimate, codec, lossOut } = now;
  return {
    downKbps: (grown("bytesIn") * 8) / 1000 / seconds,
    upKbps: (grown("bytesOut") * 8) / 1000 / seconds,
    loss: Math.max(lossIn, lossOut),
    lossIn,
    lossOut,
    concealed: grown("concealed") / Math.max(grown("samples"), 1),
    fps: grown("frames") / seconds,
    freeze: Math.min(grown("frozen") / seconds, 1),
    rtt, width, height, sentWidth, sentHeight, limited, estimate, codec,
  };
}

/**
 * @typedef {object} Path
 * @property {"direct" | "relayed"} kind
 * @property {"udp" | "tcp" | "tls"} protocol
 * @property {"here" | "there"} side    whose relay; "here" for direct paths
 */

/** @param {string | undefined} value @returns {"udp" | "tcp" | "tls"} */
const transportName = (value) => (value === "tcp" || value === "tls" ? value : "udp");

/**
 * The way the media takes. A relay on the other side may look like any peer
 * from here, so what the other side says about itself counts too.
 * @param {End | null} local @param {End | null} remote
 * @param {{type?: unknown, relayProtocol?: unknown}} [told]  the other's own local end
 * @returns {Path | null} null while no pair is selected
 */
export function pathOf(local, remote, told) {
  if (!local) return null;
  if (local.type === "relay") return { kind: "relayed", protocol: transportName(local.relayProtocol), side: "here" };
  if (remote?.type === "relay" || told?.type === "relay") {
    return { kind: "relayed", protocol: transportName(String(told?.relayProtocol ?? "")), side: "there" };
  }
  return { kind: "direct", protocol: transportName(local.protocol), side: "here" };
}

/** @param {Path} path @returns {string} the value that the server counts */
export const reportedPath = (path) => (path.kind === "direct" ? "direct" : `relay_${path.protocol}`);
