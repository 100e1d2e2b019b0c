/**
 * What the facts of each check of /test mean: pure functions, one a check.
 *
 * @typedef {"pass" | "warn" | "fail" | "skipped"} Outcome
 * @typedef {object} Verdict
 * @property {Outcome} state
 * @property {string} key      of the language files: the advice in one line
 * @property {import("../i18n.js").Values} [values]
 *
 * @typedef {"udp" | "tcp" | "tls"} Transport
 */

/** A clock further off than this makes credentials look expired. */
const MAX_SKEW_S = 60;
/** A resume that takes longer is felt. */
const SLOW_RESUME_MS = 3_000;
/** What a relay should carry, and what a picture needs; kbit/s. */
const LEAST_KBPS = 1_000;
const HD_KBPS = 2_500;
const AUDIO_KBPS = 100;
/** A picture of which every pixel is darker than this is a covered lens. */
const DARK = 12;

/** @type {(state: Outcome, key: string, values?: import("../i18n.js").Values) => Verdict} */
const say = (state, key, values) => ({ state, key: `check.${key}`, ...(values && { values }) });

/** @param {{missing: string[], optional: string[]}} facts */
export function browser({ missing, optional }) {
  if (missing.length) return say("fail", "browser.fail", { names: missing.join(", ") });
  return optional.length ? say("warn", "browser.warn", { names: optional.join(", ") }) : say("pass", "browser.pass");
}

/** @param {{secure: boolean, url: string}} facts */
export const secure = ({ secure, url }) => (secure ? say("pass", "secure.pass") : say("fail", "secure.fail", { url }));

/** @param {{ok: boolean, ms: number, skew_s: number | null}} facts  skew_s: how far this clock is ahead */
export function server({ ok, ms, skew_s }) {
  if (!ok) return say("fail", "server.fail");
  if (skew_s !== null && Math.abs(skew_s) >= MAX_SKEW_S) return say("warn", "server.clock", { n: Math.abs(Math.round(skew_s)) });
  return say("pass", "server.pass", { n: Math.round(ms) });
}

/** @param {{connected: boolean, code: string, rtt: number[]}} facts */
export function signaling({ connected, code, rtt }) {
  if (connected) return say("pass", "signaling.pass", { n: median(rtt) });
  return code === "unauthorized" ? say("skipped", "signin") : say("fail", code ? "signaling.refused" : "signaling.fail", { code });
}

/** @param {{resumed: boolean, ms: number}} facts */
export function resume({ resumed, ms }) {
  if (resumed && ms < SLOW_RESUME_MS) return say("pass", "resume.pass", { n: Math.round(ms) });
  return say("warn", resumed ? "resume.slow" : "resume.warn");
}

/** @param {{urls: string[], complete: boolean, candidates: {type: string, port: number, related: number}[]}} facts */
export function stun({ urls, complete, candidates }) {
  if (!urls.length) return say("skipped", "stun.none");
  const mapped = candidates.filter((c) => c.type === "srflx");
  // Without a translator on the way the mapped address is this machine's own, and the browser leaves it out.
  if (!mapped.length) return complete && candidates.length ? say("pass", "stun.open") : say("fail", "stun.fail");
  const ports = new Map();
  for (const { related, port } of mapped) ports.set(related, new Set([...(ports.get(related) ?? []), port]));
  if ([...ports.values()].some((set) => set.size > 1)) return say("warn", "stun.hard");
  return say("pass", urls.length > 1 ? "stun.easy" : "stun.pass");
}

/** Answers of a TURN server, by number (RFC 8656, section 16), and what they mean. @type {Record<number, string>} */
const REFUSED = { 400: "credentials", 401: "credentials", 403: "forbidden", 437: "stale", 438: "stale", 441: "credentials", 486: "quota", 508: "full" };

/** @param {{transport: Transport, urls: string[], connected: boolean, rtt: number[], errors: number[]}} facts */
export function turn({ transport, urls, connected, rtt, errors }) {
  const name = transport.toUpperCase();
  if (!urls.length) return say("skipped", "turn.none", { name });
  if (connected && rtt.length) return say("pass", "turn.pass", { n: median(rtt) });
  const word = errors.map((code) => REFUSED[code]).find(Boolean);
  if (word) return say("fail", `turn.${word}`);
  return say("fail", transport === "udp" ? "turn.udp" : "turn.tcp", { place: portOf(urls[0] ?? "") });
}

/** @param {{kbps: Partial<Record<Transport, number>>}} facts */
export function throughput({ kbps }) {
  const rates = Object.values(kbps);
  if (!rates.length) return say("skipped", "throughput.none");
  const best = Math.max(...rates);
  const quality = best >= HD_KBPS ? "hd" : best >= LEAST_KBPS ? "sd" : best >= AUDIO_KBPS ? "audio" : "poor";
  return say(best >= LEAST_KBPS ? "pass" : best >= AUDIO_KBPS ? "warn" : "fail", `throughput.${quality}`, { n: Math.round(best / 100) / 10 });
}

/** @param {{connected: boolean}} facts */
export const direct = ({ connected }) => (connected ? say("pass", "direct.pass") : say("warn", "direct.warn"));

/** @param {{level: number, label: string}} facts  level: 0 is -60 dBFS or less, 1 is 0 dBFS */
export const mic = ({ level }) => (level > 0 ? say("pass", "mic.pass") : say("fail", "mic.silent"));

/** @param {{heard: boolean}} facts */
export const speaker = ({ heard }) => (heard ? say("pass", "speaker.pass") : say("fail", "speaker.fail"));

/** @param {{width: number, height: number, fps: number, bright: number}} facts  bright: the brightest pixel, 0 to 255 */
export function camera({ width, height, fps, bright }) {
  if (!width || !fps) return say("fail", "camera.frozen");
  if (bright < DARK) return say("warn", "camera.dark");
  return say("pass", "camera.pass", { width: String(width), height: String(height), n: Math.round(fps) });
}

/**
 * All the checks in one sentence: what a person may expect of a call.
 * @param {Record<string, Outcome | undefined>} states  by check
 * @returns {{state: Outcome, key: string}}
 */
export function summary(states) {
  const ok = (/** @type {string} */ id) => states[id] === "pass" || states[id] === "warn";
  const over = ok("turn-tcp") || ok("turn-tls");
  if (states.server === "fail" || states.signaling === "fail") return say("fail", "summary.server");
  if (states.signaling === "skipped") return say("warn", "summary.signin");
  if (states["turn-udp"] === "fail" && over) return say("warn", "summary.udp");
  if (states.stun === "fail" && over) return say("warn", ok("turn-udp") ? "summary.stun" : "summary.udp");
  const relays = ["turn-udp", "turn-tcp", "turn-tls"].map((id) => states[id]);
  if (relays.includes("fail") && !relays.includes("pass")) return say("fail", "summary.relay");
  if (Object.values(states).includes("fail")) return say("warn", "summary.some");
  return relays.includes("pass") ? say("pass", "summary.pass") : say("warn", "summary.norelay");
}

/** @param {number[]} numbers  in milliseconds @returns {number} whole ones, or tenths where those matter */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return middle < 10 ? Math.round(middle * 10) / 10 : Math.round(middle);
}

/** @param {string} url  of a TURN server @returns {string} its port, as firewalls name it */
function portOf(url) {
  const port = /:(\d+)(?:\?|$)/.exec(url)?.[1] ?? (url.startsWith("turns:") ? "5349" : "3478");
  return `${url.includes("transport=udp") ? "udp" : "tcp"}/${port}`;
}
