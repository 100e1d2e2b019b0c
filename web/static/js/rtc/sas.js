/**
 * The safety code: four pictures that two people compare by voice. They are
 * the same on both sides only if the two browsers have encrypted to each other
 * and to nobody in between.
 *
 * Whoever stands between could try certificates until a plain short code
 * agrees on both sides. So each side first commits itself to a random number
 * and shows it only when it has the other's commitment: then one blind guess
 * in 16.7 million is left, and a failed one shows.
 *
 * @typedef {"waiting" | "ready" | "broken" | "none"} SafetyState
 *   broken: the other side does not prove what it says, somebody may be in between; none: this browser cannot
 *
 * @typedef {object} SafetyOptions
 * @property {() => Promise<Fingerprints>} fingerprints   asked once, when the connection stands
 * @property {(t: string, fields: object) => void} send   to the other side, over ctl
 * @property {() => void} changed
 * @property {() => Uint8Array} [nonce]                   for tests
 *
 * @typedef {{own: Uint8Array, remote: Uint8Array}} Fingerprints  SHA-256 of each side's certificate
 */

const NONCE_BYTES = 32;
const PICTURES = 4;
const PICTURE_BITS = 6;
const LABEL = new TextEncoder().encode("sas1");

/** @param {...Uint8Array} parts @returns {Promise<Uint8Array>} SHA-256 of all of them */
async function hash(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** @param {unknown} text @returns {Uint8Array | null} the 32 bytes that 64 hex digits stand for */
function unhex(text) {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {Uint8Array} nonce @param {Uint8Array} fingerprint  of the side that chose it */
export const commitment = (nonce, fingerprint) => hash(nonce, fingerprint);

/**
 * The first 24 bits of SHA-256("sas1" ‖ fingerprints ‖ nonces) as four numbers
 * below 64. The side with the lower fingerprint comes first in both.
 * @param {{fingerprint: Uint8Array, nonce: Uint8Array}} a
 * @param {{fingerprint: Uint8Array, nonce: Uint8Array}} b
 * @returns {Promise<number[]>}
 */
export async function codeOf(a, b) {
  const [low, high] = hex(a.fingerprint) < hex(b.fingerprint) ? [a, b] : [b, a];
  const digest = await hash(LABEL, low.fingerprint, high.fingerprint, low.nonce, high.nonce);
  const bits = ((digest[0] ?? 0) << 16) | ((digest[1] ?? 0) << 8) | (digest[2] ?? 0);
  return Array.from({ length: PICTURES }, (_, i) => (bits >> (PICTURE_BITS * (PICTURES - 1 - i))) & 63);
}

/** The other side has another certificate than it said. */
class Exchanged extends Error {}

/** One comparison over one connection. It ends "ready" or "broken" and is not used again. */
export class SafetyCode {
  /** @type {SafetyState} */
  state = "waiting";
  /** @type {number[]} four numbers below 64 while ready */
  code = [];
  /** The other side's fingerprint in hex digits, once known. */
  remote = "";

  /** @type {Uint8Array | null} */
  #commit = null;
  /** @type {Promise<void>} messages are handled one after the other, from the start on */
  #queue;
  /** @type {Fingerprints | null} */
  #prints = null;
  #nonce;

  /** @param {SafetyOptions} options */
  constructor(options) {
    this.o = options;
    this.#nonce = options.nonce?.() ?? crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    this.#queue = this.#start().catch((error) => this.#end(error instanceof Exchanged ? "broken" : "none"));
  }

  /** @param {import("./ctl.js").Message} message  sas.commit or sas.reveal @returns {Promise<void>} when it is handled */
  handle(message) {
    this.#queue = this.#queue.then(() => this.#take(message)).catch(() => this.#end("broken"));
    return this.#queue;
  }

  async #start() {
    this.#prints = await this.o.fingerprints();
    this.remote = hex(this.#prints.remote);
    this.o.send("sas.commit", { commit: hex(await commitment(this.#nonce, this.#prints.own)) });
  }

  /** @param {import("./ctl.js").Message} message */
  async #take(message) {
    if (this.state !== "waiting" || !this.#prints) return;
    if (message.t === "sas.commit") this.#committed(unhex(message.commit));
    if (message.t === "sas.reveal") await this.#revealed(unhex(message.nonce), this.#prints);
  }

  /** @param {Uint8Array | null} commit */
  #committed(commit) {
    if (!commit || this.#commit) return this.#end("broken"); // a second thought is what the commitment forbids
    this.#commit = commit;
    this.o.send("sas.reveal", { nonce: hex(this.#nonce) });
  }

  /** @param {Uint8Array | null} nonce @param {Fingerprints} prints */
  async #revealed(nonce, { own, remote }) {
    const kept = nonce && this.#commit && hex(await commitment(nonce, remote)) === hex(this.#commit);
    if (!nonce || !kept) return this.#end("broken");
    this.code = await codeOf({ fingerprint: own, nonce: this.#nonce }, { fingerprint: remote, nonce });
    this.#end("ready");
  }

  /** @param {SafetyState} state */
  #end(state) {
    this.state = state;
    this.o.changed();
  }
}

/** @param {string | undefined} sdp @returns {Uint8Array | null} the SHA-256 fingerprint that it names */
export function printInSdp(sdp) {
  const found = /^a=fingerprint:sha-256 ([0-9A-F:]{95})\s*$/im.exec(sdp ?? "");
  return unhex(found?.[1]?.replaceAll(":", "").toLowerCase());
}

/**
 * An offer that has all its addresses stands with the first packet: Chromium opens the channels before it says that the
 * answer is applied.
 * @param {RTCPeerConnection} pc
 */
async function answered(pc) {
  while (!pc.remoteDescription) await new Promise((done) => pc.addEventListener("signalingstatechange", done, { once: true }));
}

/**
 * The fingerprints of both ends of a connection that stands. The certificate
 * that the other side really used must be the one that its description named.
 * @param {RTCPeerConnection} pc
 * @returns {Promise<Fingerprints>}  as soon as both descriptions are known
 */
export async function fingerprintsOf(pc) {
  await answered(pc);
  const own = printInSdp(pc.localDescription?.sdp);
  const named = printInSdp(pc.remoteDescription?.sdp);
  const transport = /** @type {any} */ (pc.sctp?.transport);
  const certificate = transport?.getRemoteCertificates?.()[0];
  const used = certificate ? await hash(new Uint8Array(certificate)) : named;
  if (!own || !named || !used) throw new Error("this browser names no certificate");
  if (hex(used) !== hex(named)) throw new Exchanged("the certificate is not the one that was announced");
  return { own, remote: used };
}
