import { Emitter } from "../net/emitter.js";

/** Bounds of what the other side may send: one message, and messages in one second. */
const MAX_CHARS = 16 * 1024;
const MAX_RATE = 20;

/**
 * What one side says about itself; sent whole on open and at every change.
 * @typedef {object} MediaState
 * @property {boolean} mic
 * @property {boolean} cam
 * @property {boolean} screen
 * @property {boolean} screenAudio
 */

/**
 * The control channel between two clients: negotiated data channel 0, JSON,
 * ordered. Unknown types are ignored, so that newer clients may say more.
 */
export class Ctl {
  /** @type {Emitter<Record<string, any>>} by type of message; "open" and "close" besides */
  #events = new Emitter();
  #window = { start: 0, count: 0 };

  /** @param {RTCPeerConnection} pc @param {() => number} now  milliseconds */
  constructor(pc, now) {
    this.now = now;
    this.channel = pc.createDataChannel("ctl", { negotiated: true, id: 0, ordered: true });
    // Made now although nothing uses it yet: later it would cost a renegotiation.
    this.bulk = pc.createDataChannel("bulk", { negotiated: true, id: 1, ordered: true });
    this.channel.onopen = () => this.#events.emit("open", undefined);
    this.channel.onclose = () => this.#events.emit("close", undefined);
    this.channel.onmessage = ({ data }) => this.#receive(data);
  }

  get open() {
    return this.channel.readyState === "open";
  }

  /** @param {string} type @param {(message: any) => void} fn */
  on(type, fn) {
    return this.#events.on(type, fn);
  }

  /**
   * Sends if the channel is open; what matters is said again when it opens.
   * @param {string} t @param {object} [fields]
   */
  send(t, fields) {
    if (this.open) this.channel.send(JSON.stringify({ t, ...fields }));
  }

  close() {
    this.channel.onopen = this.channel.onclose = this.channel.onmessage = null;
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
    if (typeof message?.t !== "string" || message.t === "open" || message.t === "close") return;
    if (message.t === "ping") this.send("pong", { i: message.i });
    this.#events.emit(message.t, message);
  }

  #allowed() {
    const now = this.now();
    if (now - this.#window.start > 1000) this.#window = { start: now, count: 0 };
    return ++this.#window.count <= MAX_RATE;
  }
}
