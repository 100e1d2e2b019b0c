import { Emitter } from "../net/emitter.js";

/** Bounds of what the other side may send: one message, and messages a second in the long run. */
const MAX_CHARS = 16 * 1024;
const MAX_RATE = 20;
/** Messages that may come at once: after a break everything comes that was said in it, and a break this long ends the connection. */
const MAX_BURST = 400;

/** Own messages are paced to stay well below MAX_RATE. */
const BURST = 8;
const PER_SECOND = 11;
/** Messages that wait for their turn; beyond it the other side is told nothing more for a while. */
const MAX_WAITING = 256;

/**
 * What one side says about itself; sent whole on open and at every change.
 * @typedef {object} MediaState
 * @property {boolean} mic
 * @property {boolean} cam
 * @property {boolean} screen
 * @property {boolean} screenAudio
 * @property {boolean} hand     raised
 * @property {boolean} paused   the camera is on, but nothing is sent to this member, to keep the sound clear
 *
 * @typedef {{t: string, [field: string]: any}} Message  hostile until judged: any field may be anything
 *
 * @typedef {object} CtlEvents
 * @property {void} open           both channels are
 * @property {Message} message     any type; who knows none of that type ignores it
 * @property {ArrayBuffer} bulk
 */

/**
 * The two channels between two clients, negotiated (so nobody names them):
 * 0 `ctl`, JSON, ordered, for everything small, and 1 `bulk`, binary, ordered,
 * for files. Messages of unknown types are ignored, so that newer clients may
 * say more. One that is too long or too frequent is dropped: ctl paces what it
 * sends itself, so long lists belong in few messages of up to 16 KiB.
 */
export class Ctl {
  /** @type {Emitter<CtlEvents>} */
  #events = new Emitter();
  #heard = { at: 0, tokens: MAX_BURST };
  #bucket = { at: 0, tokens: BURST };
  /** @type {string[]} */
  #waiting = [];
  /** @type {any} */
  #timer;

  /** @param {RTCPeerConnection} pc @param {() => number} now  milliseconds */
  constructor(pc, now) {
    this.now = now;
    this.#heard.at = this.#bucket.at = now();
    this.channel = pc.createDataChannel("ctl", { negotiated: true, id: 0, ordered: true });
    this.bulk = pc.createDataChannel("bulk", { negotiated: true, id: 1, ordered: true });
    this.bulk.binaryType = "arraybuffer";
    for (const channel of [this.channel, this.bulk]) channel.onopen = () => this.#ready();
    this.channel.onmessage = ({ data }) => this.#receive(data);
    this.bulk.onmessage = ({ data }) => data instanceof ArrayBuffer && this.#events.emit("bulk", data);
  }

  /** Whether both channels are. */
  get open() {
    return this.channel.readyState === "open" && this.bulk.readyState === "open";
  }

  /**
   * @template {keyof CtlEvents} K
   * @param {K} name @param {(value: CtlEvents[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /**
   * Sends if the channel is open; what matters is said again when it opens.
   * @param {string} t @param {object} [fields]
   * @returns {boolean} false: not sent, and will not be
   */
  send(t, fields) {
    const text = JSON.stringify({ t, ...fields });
    if (this.channel.readyState !== "open" || text.length > MAX_CHARS || this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(text);
    this.#flush();
    return true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#waiting = [];
    for (const channel of [this.channel, this.bulk]) channel.onopen = channel.onmessage = null;
  }

  /** One channel is open; the second one to say so finds both open. */
  #ready() {
    if (!this.open) return;
    for (const channel of [this.channel, this.bulk]) channel.onopen = null;
    this.#events.emit("open", undefined);
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#bucket = refill(this.#bucket, this.now(), PER_SECOND, BURST);
    while (this.#waiting.length && this.#bucket.tokens >= 1 && this.channel.readyState === "open") {
      if (!this.#say(this.#waiting[0] ?? "")) break;
      this.#bucket.tokens--;
      this.#waiting.shift();
    }
    if (this.#waiting.length && this.channel.readyState === "open") this.#timer = setTimeout(() => this.#flush(), 1000 / PER_SECOND);
  }

  /** @param {string} text @returns {boolean} false: the browser has no room for it now */
  #say(text) {
    try {
      this.channel.send(text);
      return true;
    } catch (error) {
      return /** @type {Error} */ (error).name !== "OperationError"; // what it never takes must not keep the rest back
    }
  }

  /** @param {unknown} data */
  #receive(data) {
    if (typeof data !== "string" || data.length > MAX_CHARS || !this.#allowed()) return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message?.t !== "string") return;
    if (message.t === "ping") this.send("pong", { i: message.i });
    this.#events.emit("message", message);
  }

  #allowed() {
    this.#heard = refill(this.#heard, this.now(), MAX_RATE, MAX_BURST);
    if (this.#heard.tokens < 1) return false;
    this.#heard.tokens--;
    return true;
  }
}

/**
 * A token bucket after the time that has passed.
 * @param {{at: number, tokens: number}} bucket @param {number} now @param {number} rate  a second @param {number} most
 */
const refill = ({ at, tokens }, now, rate, most) => ({ at: now, tokens: Math.min(most, tokens + ((now - at) / 1000) * rate) });
