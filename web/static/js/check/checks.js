import { Session } from "../net/session.js";
import { gather, Loop, within } from "./loop.js";
import * as verdict from "./verdict.js";

/**
 * The checks of /test in their order. Each finds facts, and its verdict says
 * what they mean. Nothing here has a DOM.
 *
 * @typedef {import("./verdict.js").Verdict} Verdict
 * @typedef {import("./verdict.js").Transport} Transport
 * @typedef {Record<string, any>} Facts   they go into the report as they are
 *
 * @typedef {{url: string, server: RTCIceServer}} Relay   one address of one
 *
 * @typedef {object} Context
 * @property {string} origin
 * @property {string} socket               address of /ws
 * @property {() => import("../net/types.js").Ice | null} ice   null: nobody is signed in
 * @property {Map<Transport, Relay>} working   relays that passed, for the throughput
 * @property {boolean} [away]              the server has not answered at all
 * @property {boolean} [live]              signaling works
 *
 * @typedef {object} Check
 * @property {string} id
 * @property {(context: Context) => Promise<Facts>} look
 * @property {(facts: any) => Verdict} judge
 * @property {(context: Context) => string} [without]   key of what it needs and is not there; "": nothing
 */

/** Each check gives up by itself: with a dead port the browser says nothing for half a minute. */
const LIMIT_MS = 6_000;
/** A resume may need a second socket. */
const RESUME_LIMIT_MS = 8_000;
const PINGS = 5;
const ECHOES = 20;
/** How long the relay is filled, per transport. */
const BURST_MS = 2_000;

/** What calls cannot do without, and what makes them better. */
const NEEDED = ["RTCPeerConnection", "RTCDataChannel", "MediaStream", "WebSocket", "crypto.subtle"];
const WANTED = ["RTCRtpSender.prototype.setParameters", "RTCRtpSender.prototype.replaceTrack", "RTCPeerConnection.prototype.restartIce", "navigator.locks"];

/** @param {string} path @returns {boolean} whether the browser has it */
function has(path) {
  /** @type {any} */
  let at = globalThis;
  for (const name of path.split(".")) at = at?.[name];
  return at !== undefined;
}

/** Missing for a reason of its own on an insecure page, which the next check tells. */
const SECURE_ONLY = /^(navigator|crypto)\./;

/** @param {string} path */
const lacking = (path) => !has(path) && (globalThis.isSecureContext || !SECURE_ONLY.test(path));

/** @param {Context} context */
async function askServer(context) {
  const { origin } = context;
  const start = Date.now();
  try {
    const response = await within(fetch(`${origin}/healthz`, { cache: "no-store" }), LIMIT_MS);
    const ms = Date.now() - start;
    const date = Date.parse(response.headers.get("date") ?? "");
    // The header has whole seconds: half a second in the middle of what it may mean.
    const skew = Number.isNaN(date) ? null : (start + ms / 2 - (date + 500)) / 1000;
    return { ok: response.ok, ms, skew_s: skew === null ? null : Math.round(skew * 10) / 10 };
  } catch {
    context.away = true;
    return { ok: false, ms: Date.now() - start, skew_s: null };
  }
}

/** A session of this check's own, which leaves the page's alone. @param {string} url */
function ownSession(url) {
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  /** @type {{current: WebSocket | null}} */
  const socket = { current: null };
  class Kept extends WebSocket {
    /** @param {string} address @param {string[]} protocols */
    constructor(address, protocols) {
      super(address, protocols);
      socket.current = this;
    }
  }
  return { session: new Session({ url, key, WebSocket: Kept }), socket };
}

/** @param {Session} session @param {number} limit @returns {Promise<{resumed: boolean}>} */
function welcomed(session, limit) {
  return within(new Promise((done, fail) => {
    session.on("welcome", done);
    session.on("ended", fail);
    session.on("refused", fail);
  }), limit);
}

/** @param {Session} session @returns {Promise<number>} milliseconds of one question and its answer */
async function trip(session) {
  const start = performance.now();
  await session.request("ice.get");
  return performance.now() - start;
}

/** @param {Context} context */
async function signaling(context) {
  const { session } = ownSession(context.socket);
  /** @type {number[]} */
  const rtt = [];
  try {
    const first = welcomed(session, LIMIT_MS);
    session.start();
    await first;
    while (rtt.length < PINGS) rtt.push(Math.round((await within(trip(session), LIMIT_MS)) * 10) / 10);
    context.live = true;
    return { connected: true, code: "", rtt };
  } catch (error) {
    return { connected: false, code: /** @type {{code?: string}} */ (error).code ?? "", rtt };
  } finally {
    session.close();
  }
}

/** A close code that says nothing: to the server the socket was cut off. */
const CUT = 3_001;

/** @param {Context} context */
async function resume({ socket: url }) {
  const { session, socket } = ownSession(url);
  try {
    const first = welcomed(session, LIMIT_MS);
    session.start();
    await first;
    const start = performance.now();
    const again = welcomed(session, RESUME_LIMIT_MS);
    socket.current?.close(CUT);
    const { resumed } = await again;
    return { resumed, ms: Math.round(performance.now() - start) };
  } catch {
    return { resumed: false, ms: RESUME_LIMIT_MS };
  } finally {
    session.close();
  }
}

/** @param {import("../net/types.js").Ice | null} ice @returns {Relay[]} */
const serversOf = (ice) => (ice?.iceServers ?? []).flatMap((server) => [server.urls].flat().map((url) => ({ url, server })));

/** @param {string} url @returns {Transport | "stun"} */
export function transportOf(url) {
  if (/^stuns?:/.test(url)) return "stun";
  if (url.startsWith("turns:")) return "tls";
  return /transport=tcp/.test(url) ? "tcp" : "udp";
}

/** @param {{text: string, type: string}} candidate  a=candidate, RFC 8839 section 5.1 */
function readCandidate({ text, type }) {
  const [, , , , address = "", port = "0"] = text.split(" ");
  const related = / rport (\d+)/.exec(text)?.[1] ?? "0";
  return { type, address, port: Number(port), related: Number(related) };
}

/** @param {Context} context */
async function stun({ ice }) {
  const urls = serversOf(ice()).map(({ url }) => url).filter((url) => transportOf(url) === "stun");
  if (!urls.length) return { urls, complete: false, candidates: [], errors: [] };
  const { complete, found, errors } = await gather(urls.map((url) => ({ urls: url })), LIMIT_MS);
  return { urls, complete, candidates: found.map(readCandidate), errors };
}

/** @param {Context} context @param {Transport} transport */
const relaysOf = ({ ice }, transport) => serversOf(ice()).filter(({ url }) => transportOf(url) === transport);

/** Relays alone, and one address of them. @param {Relay} relay @returns {RTCConfiguration} */
const only = ({ url, server }) => ({ iceServers: [{ ...server, urls: url }], iceTransportPolicy: "relay" });

/** Through one relay and back. @param {Relay} relay @param {number[]} errors  grows */
async function through(relay, errors) {
  const loop = new Loop(only(relay));
  try {
    await loop.open(LIMIT_MS);
    return { relay, rtt: (await loop.echo(ECHOES, LIMIT_MS)).map((ms) => Math.round(ms * 10) / 10) };
  } finally {
    errors.push(...loop.errors);
    loop.close();
  }
}

/** All addresses at the same time, as a call tries them. @param {Context} context @param {Transport} transport */
async function turn(context, transport) {
  const relays = relaysOf(context, transport);
  /** @type {number[]} */
  const errors = [];
  const first = await Promise.any(relays.map((relay) => through(relay, errors))).catch(() => null);
  if (first) context.working.set(transport, first.relay);
  return { transport, urls: relays.map(({ url }) => url), connected: first !== null, rtt: first?.rtt ?? [], errors };
}

/** @param {Context} context */
async function throughput({ working }) {
  /** @type {Partial<Record<Transport, number>>} */
  const kbps = {};
  for (const [transport, relay] of working) {
    const loop = new Loop(only(relay));
    try {
      await loop.open(LIMIT_MS);
      kbps[transport] = Math.round(await loop.burst(BURST_MS));
    } catch {
      kbps[transport] = 0;
    } finally {
      loop.close();
    }
  }
  return { kbps };
}

async function direct() {
  const loop = new Loop({});
  try {
    await loop.open(LIMIT_MS);
    return { connected: true, rtt: (await loop.echo(PINGS, LIMIT_MS)).map((ms) => Math.round(ms * 10) / 10) };
  } catch {
    return { connected: false, rtt: [] };
  } finally {
    loop.close();
  }
}

/** @param {Context} context */
const login = ({ ice }) => (ice() === null ? "check.signin" : "");
/** @param {Context} context */
const server = ({ away }) => (away ? "check.noserver" : "");
/** @param {Context} context */
const live = (context) => login(context) || (context.live ? "" : "check.nolive");

/** @type {(transport: Transport) => Check} */
const relayCheck = (transport) => ({ id: `turn-${transport}`, look: (context) => turn(context, transport), judge: verdict.turn, without: login });

/** @type {Check[]} */
export const CHECKS = [
  { id: "browser", look: async () => ({ missing: NEEDED.filter(lacking), optional: WANTED.filter(lacking) }), judge: verdict.browser },
  { id: "secure", look: async ({ origin }) => ({ secure: globalThis.isSecureContext, url: origin.replace(/^http:/, "https:") }), judge: verdict.secure },
  { id: "server", look: askServer, judge: verdict.server },
  { id: "signaling", look: signaling, judge: verdict.signaling, without: server },
  { id: "resume", look: resume, judge: verdict.resume, without: live },
  { id: "stun", look: stun, judge: verdict.stun, without: login },
  relayCheck("udp"), relayCheck("tcp"), relayCheck("tls"),
  { id: "throughput", look: throughput, judge: verdict.throughput, without: login },
  { id: "direct", look: direct, judge: verdict.direct },
];

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {"waiting" | "running" | import("./verdict.js").Outcome} state
 * @property {Verdict | null} verdict
 * @property {Facts} facts
 */

/**
 * Runs checks one after the other.
 * @param {Check[]} checks @param {Context} context
 * @param {(row: Row) => void} tell  at the start and the end of each
 * @param {AbortSignal} signal       no further check after it
 */
export async function run(checks, context, tell, signal) {
  for (const { id, look, judge, without } of checks) {
    if (signal.aborted) return;
    const key = without?.(context);
    if (key) {
      tell({ id, state: "skipped", verdict: { state: "skipped", key }, facts: {} });
      continue;
    }
    tell({ id, state: "running", verdict: null, facts: {} });
    const row = await one(id, () => look(context), judge);
    if (!signal.aborted) tell(row);
  }
}

/** @param {string} id @param {() => Promise<Facts>} look @param {(facts: any) => Verdict} judge @returns {Promise<Row>} */
export async function one(id, look, judge) {
  try {
    const facts = await look();
    const found = judge(facts);
    return { id, state: found.state, verdict: found, facts };
  } catch (error) {
    const { name = "Error", message = "" } = /** @type {Error} */ (error);
    return { id, state: "fail", verdict: { state: "fail", key: "check.broken" }, facts: { error: `${name}: ${message}` } };
  }
}
