import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { ProtocolError, toError } from "./errors.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Welcome} Welcome */

export const SUBPROTOCOL = "parley.v1";

/** A socket that has not said `welcome` by then is given up; slow mobile links need some seconds. */
const HELLO_LIMIT_MS = 10_000;
/** How long a `pong` may take before the socket counts as dead. */
const PONG_LIMIT_MS = 5_000;
/** The same when there is already a reason to doubt the socket, and when there is a strong one: another try costs little. */
const PROBE_LIMIT_MS = 1_500;
const WAKE_LIMIT_MS = 1_000;
/** Events processed before an `ack` is sent on its own: well below what the server keeps. */
const ACK_EVERY = 64;
const OPEN = 1;

/** Refusals of `hello` that another try with the same words cannot mend. */
const FINAL = new Set(["unauthorized", "forbidden", "version", "bad_name", "name_taken", "bad_message"]);
/** `bye` codes after which the client does not come back by itself. */
const FINAL_BYES = new Set(["replaced", "kicked", "logged_out", "version"]);
/** Close codes that say the same when the frame before them got lost. */
const FINAL_CLOSES = new Map([[4001, "replaced"], [4003, "unauthorized"], [4009, "version"]]);
/** Close code of a message over the limit: it is dropped, not sent again. */
const CLOSE_TOO_BIG = 1009;

/**
 * @typedef {object} SessionOptions
 * @property {string} url            ws: or wss: address of /ws
 * @property {string} key            the tab's secret, 32 hex digits
 * @property {string} [build]        build of this client
 * @property {string} [lang]
 * @property {string} [name]         guest name, for an open server without a login
 * @property {string} [token]        token of a login, an invite, or a JWT
 * @property {any} [WebSocket]       class with the browser's interface
 * @property {() => number} [random]
 * @property {() => number} [now]    milliseconds, from any start but 0
 */

/**
 * @typedef {"idle" | "connecting" | "online" | "waiting" | "ended"} State
 * @typedef {object} Events
 * @property {State} state
 * @property {{welcome: Welcome, resumed: boolean, first: boolean}} welcome
 * @property {{code: string, message: string, retryMs?: number}} ended   it will not come back by itself
 * @property {void} wake                the network or the page may be back
 * @property {ProtocolError} refused    an error that answers no request
 * @property {Frame} frame              every event of the server that answers no request
 */

/**
 * One session of `parley.v1` over one WebSocket after another. It numbers and
 * keeps what it sends, resumes after a drop, and delivers each event once and
 * in order. It has no DOM and knows nothing of calls.
 */
export class Session {
  /** @type {State} */
  state = "idle";
  /** @type {Welcome | null} */
  welcome = null;

  /** @type {Emitter<Events>} */
  #events = new Emitter();
  /** @type {Emitter<Record<string, any>>} by type of frame */
  #frames = new Emitter();
  #outbox = new Outbox();
  /** @type {any} */
  #socket = null;
  /** @type {number | null} highest event processed; null before the first welcome */
  #last = null;
  #acked = 0;
  #ready = false;
  /** @type {{hello?: any, pong?: any, probe?: any, wake?: any, ping?: any, retry?: any}} */
  #timers = {};
  /** When the oldest question that is still open was asked, 0 for none, and how long the last answer took; milliseconds. */
  #asked = 0;
  #rtt = 0;
  /** @type {number | undefined} the server's own wish for the next try, in ms */
  #retryMs;

  /** @param {SessionOptions} options */
  constructor(options) {
    this.options = { WebSocket: /** @type {any} */ (globalThis).WebSocket, now: () => performance.now(), ...options };
    this.#backoff = new Backoff(options.random);
  }
  #backoff;

  /**
   * @template {keyof Events} K
   * @param {K} name @param {(value: Events[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /**
   * Listens to events of the server by type: "signal", "room.peer", "users" …
   * @param {string} type @param {(frame: any) => void} fn
   */
  onFrame(type, fn) {
    return this.#frames.on(type, fn);
  }

  /** Connects, unless it is connected or on its way. */
  start() {
    if (this.state !== "idle" && this.state !== "ended") return;
    this.#connect();
  }

  /** Tries again at once: the network is back, or a person asked. */
  wake() {
    this.#events.emit("wake", undefined);
    if (this.state === "waiting") this.#connect();
    else if (this.state === "online") this.#ask("wake", WAKE_LIMIT_MS);
  }

  /** Asks whether the socket still lives; if not within 1.5 s, replaces it. */
  probe() {
    this.#ask("probe", PROBE_LIMIT_MS);
  }

  /** Each doubt has its own limit: a strong one is not told to wait for a weak one that was there first. @param {"probe" | "wake"} doubt @param {number} limit */
  #ask(doubt, limit) {
    if (!this.#ready || this.#timers[doubt]) return;
    this.#asked ||= this.options.now();
    this.#send({ t: "ping" });
    // On a slow line no answer could come in time, and another socket would come later still.
    this.#timers[doubt] = setTimeout(() => this.#lost(), Math.max(limit, 2 * this.#rtt));
  }

  /** Leaves for good. Requests that wait fail with code "closed". */
  close() {
    this.#drop();
    this.#last = null;
    this.#outbox.reset(new ProtocolError("closed", "The session has ended."));
    this.#setState("idle");
  }

  /**
   * Sends a request; it survives a dropped socket.
   * @param {string} t @param {object} [fields]
   * @returns {Promise<any>} the `ok` frame; rejects with a ProtocolError
   */
  request(t, fields) {
    return new Promise((resolve, reject) => this.#submit({ t, ...fields }, { resolve, reject }));
  }

  /**
   * Sends a frame that is answered only by an error.
   * @param {string} t @param {object} fields @param {(error: Error) => void} [reject]
   */
  post(t, fields, reject) {
    this.#submit({ t, ...fields }, { reject });
  }

  /** @param {object} frame @param {Pick<import("./outbox.js").Entry, "resolve" | "reject">} waiter */
  #submit(frame, waiter) {
    const entry = this.#outbox.add({ ...frame, ...this.#ackField() }, waiter);
    const limit = this.welcome?.limits?.msg_bytes ?? 65536;
    if (entry.text.length > limit) return this.#outbox.dropLargest();
    if (this.#ready) this.#socket.send(entry.text);
  }

  #connect() {
    this.#drop();
    this.#setState("connecting");
    let socket;
    try {
      socket = new this.options.WebSocket(this.options.url, [SUBPROTOCOL]);
    } catch {
      return this.#retry();
    }
    this.#socket = socket;
    socket.onopen = () => this.#hello(socket);
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#receive(event.data);
    socket.onclose = (/** @type {{code: number}} */ event) => this.#closed(event.code);
    this.#timers.hello = setTimeout(() => this.#lost(), HELLO_LIMIT_MS);
  }

  /** @param {any} socket */
  #hello(socket) {
    const { key, build, lang, name, token } = this.options;
    const resume = this.#last === null ? {} : { last: this.#last };
    this.#asked = this.options.now();
    socket.send(JSON.stringify({ t: "hello", v: [1], key, ...resume, build, lang, name, token }));
  }

  /** @param {unknown} data */
  #receive(data) {
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return; // not ours to judge: the server is older or newer than we know
    }
    if (typeof frame?.t !== "string") return;
    if (typeof frame.n === "number") {
      if (frame.n <= (this.#last ?? 0)) return; // a replayed event that was processed already
      this.#last = frame.n;
    }
    if (typeof frame.ack === "number") this.#outbox.ack(frame.ack);
    this.#dispatch(frame);
    if ((this.#last ?? 0) - this.#acked >= ACK_EVERY) this.#ping();
  }

  /** @param {Frame} frame */
  #dispatch(frame) {
    switch (frame.t) {
      case "welcome":
        return this.#welcomed(/** @type {any} */ (frame));
      case "ok":
        return this.#outbox.answer(frame);
      case "error":
        return this.#refused(frame);
      case "bye":
        return this.#bye(/** @type {any} */ (frame));
      case "ping":
        return this.#send({ t: "pong" });
      case "pong":
        return this.#answered();
      default:
        this.#events.emit("frame", frame);
        this.#frames.emit(frame.t, frame);
    }
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const first = this.#last === null;
    clearTimeout(this.#timers.hello);
    this.#answered();
    this.#backoff.reset();
    this.#retryMs = undefined;
    this.welcome = welcome;
    const resumed = !first && welcome.resumed === true;
    if (resumed) this.#outbox.ack(welcome.last_id);
    else {
      this.#last = 0;
      this.#acked = 0;
      // Before the first welcome nothing can have been lost: those requests just wait their turn.
      if (!first) this.#outbox.reset(new ProtocolError("lost", "The server was restarted."));
    }
    this.#ready = true;
    for (const entry of this.#outbox.pending()) this.#socket.send(entry.text);
    clearInterval(this.#timers.ping);
    this.#timers.ping = setInterval(() => this.#ping(), welcome.ping_ms || 15_000);
    this.#setState("online");
    this.#events.emit("welcome", { welcome, resumed, first });
  }

  /** @param {Frame} frame */
  #refused(frame) {
    const error = toError(frame);
    if (frame.re !== undefined) return this.#outbox.answer(frame, error);
    if (!this.#ready && FINAL.has(error.code)) return this.#end(error.code, error.message, error.retryMs);
    if (!this.#ready) this.#retryMs = error.retryMs;
    this.#events.emit("refused", error);
  }

  /** @param {import("./types.js").Bye} bye */
  #bye(bye) {
    if (FINAL_BYES.has(bye.code)) return this.#end(bye.code, "");
    this.#retryMs = bye.retry_ms;
    this.#lost();
  }

  /** @param {number} code */
  #closed(code) {
    const final = FINAL_CLOSES.get(code);
    if (final) return this.#end(final, "");
    if (code === CLOSE_TOO_BIG) this.#outbox.dropLargest();
    this.#lost();
  }

  #lost() {
    this.#drop();
    this.#retry();
  }

  #retry() {
    this.#setState("waiting");
    const wait = Math.max(this.#backoff.next(), this.#retryMs ?? 0);
    this.#timers.retry = setTimeout(() => this.#connect(), wait);
  }

  /** How many tries have failed in a row. */
  get tries() {
    return this.#backoff.tries;
  }

  /** @param {string} code @param {string} message @param {number} [retryMs] */
  #end(code, message, retryMs) {
    this.#drop();
    this.#last = null;
    this.#outbox.reset(new ProtocolError(code, message));
    this.#setState("ended");
    this.#events.emit("ended", { code, message, retryMs });
  }

  /** Lets go of the socket without hearing from it again. */
  #drop() {
    const { hello, pong, probe, wake, ping, retry } = this.#timers;
    for (const timer of [hello, pong, probe, wake, retry]) clearTimeout(timer);
    clearInterval(ping);
    this.#timers = {};
    this.#asked = 0;
    this.#ready = false;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  #ping() {
    this.#asked ||= this.options.now();
    this.#send({ t: "ping" });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#lost(), PONG_LIMIT_MS);
  }

  #answered() {
    if (this.#asked) this.#rtt = this.options.now() - this.#asked;
    this.#asked = 0;
    const { pong, probe, wake } = this.#timers;
    for (const timer of [pong, probe, wake]) clearTimeout(timer);
    this.#timers.probe = this.#timers.wake = undefined;
  }

  /** @param {object} frame  one without an id */
  #send(frame) {
    if (this.#ready && this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify({ ...frame, ...this.#ackField() }));
  }

  #ackField() {
    if (!this.#last) return {};
    this.#acked = this.#last;
    return { ack: this.#last };
  }

  /** @param {State} state */
  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#events.emit("state", state);
  }
}
