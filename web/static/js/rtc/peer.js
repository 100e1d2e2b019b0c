import { Emitter } from "../net/emitter.js";
import { prefer, takesRed } from "./codecs.js";
import { Ctl } from "./ctl.js";
import { adoptLayout, createLayout, remoteTracks, transceiverOf } from "./layout.js";
import { Negotiation } from "./negotiation.js";
import { Pace } from "./pace.js";

/**
 * @typedef {import("../net/types.js").SignalData} SignalData
 * @typedef {import("./layout.js").Tracks} Tracks
 * @typedef {import("./layout.js").Slot} Slot
 * @typedef {import("./ctl.js").MediaState} MediaState
 *
 * @typedef {object} PeerOptions
 * @property {string} self                      own peer id
 * @property {string} id                        the other's; "*" while nobody has come, "" while it is not known to whom this side will offer
 * @property {boolean} [initiator]              makes the first offer; without it the ids decide
 * @property {(relay: boolean) => RTCConfiguration} config   read whenever a connection is made; relay: through nothing else
 * @property {() => Tracks} tracks              what is sent now
 * @property {() => MediaState} state           what is said about it
 * @property {() => import("./codecs.js").Codec} [codec]  which one the person wants for pictures
 * @property {(data: SignalData) => void} send
 * @property {any} [RTCPeerConnection]          class with the browser's interface
 * @property {() => number} [now]               milliseconds
 *
 * @typedef {object} PeerEvents
 * @property {RTCPeerConnectionState} connection
 * @property {Tracks} tracks        the remote tracks of a new connection
 * @property {MediaState} state     what the other says about its media
 * @property {string} bye           the other hung up
 * @property {void} open            ctl and bulk are open; again after each new connection
 * @property {import("./ctl.js").Message} message   any other word of the other side
 * @property {ArrayBuffer} bulk     bytes that came over the bulk channel
 * @property {void} way             the browser sends over another pair of addresses now
 * @property {boolean} held         the other starts over so often that it has to wait, or no longer
 * @property {unknown} error
 */

/** What an RTCConfiguration of this client always says: one transport. */
const FIXED = { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" };

/** How long a search for a way that the other side began is left alone. */
const SEARCH_MS = 3_000;

/** Characters of the other side's id for its connection, and how many of its earlier ones are known: messages overtake each other by a few at most. */
const MAX_ID = 64;
const MAX_PAST = 64;

/** Signals that are kept for a connection which has to wait: an offer, and all that a machine finds in some seconds. */
const MAX_HELD = 32;

/** @returns {string} an id for one RTCPeerConnection */
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("");

/**
 * The link to one other person: one RTCPeerConnection at a time, replaced by a
 * new one when the other side has a new one or when nothing else helps.
 */
export class Peer {
  /** @type {Emitter<PeerEvents>} */
  #events = new Emitter();
  /** @type {string | null} the other's connection id */
  #remote = null;
  /** @type {string | null} its connection whose first offer does not count: it answers ours, from whichever one */
  #beaten = null;
  /** @type {Set<string>} its earlier ones: what still arrives for them is dropped */
  #past = new Set();
  #closed = false;
  /** @type {RTCPeerConnection} */ pc;
  /** @type {Negotiation} */ #negotiation;
  /** @type {Ctl} */ ctl;
  #local = newId();
  /** When the other side offered last, in milliseconds. */
  #offered = -Infinity;
  /** @type {Map<string, number>} address of an ICE server -> the last error it gave */
  iceErrors = new Map();
  /** @type {import("./diagnose.js").Found} */
  found = { any: false, relay: false };
  /** No picture is sent to this one, to keep the sound clear: part of what it is told. */
  paused = false;
  /** Everything through the relay until this connection stands: it is the way that works most often. */
  #relay = false;
  /**
   * Addresses are looked for before the connection is described. Only while nobody is known: of who answers Chromium
   * throws away what it has found, and now and then it then finds nothing more.
   */
  #pool = 0;
  /** Sound is sent twice, since much of it is lost. */
  #red = false;
  /** The codecs that this connection was last negotiated for. */
  #agreed = "";
  /** How often the other side may make this one start over. */
  #pace = new Pace();
  /** @type {SignalData[]} of a newer connection of the other side, for which it is too early */
  #held = [];
  /** @type {any} */
  #timer;
  /** @type {() => void} */
  #gathered = () => {};
  /** @type {Promise<void>} resolves when this side's first description and all its addresses are on their way */
  gathered = new Promise((resolve) => (this.#gathered = resolve));

  /** @param {PeerOptions} options */
  constructor(options) {
    this.o = options;
    this.id = options.id;
    /** The greater id offers first. */
    this.initiator = options.initiator ?? options.self > options.id;
    this.now = options.now ?? (() => performance.now());
    this.#pool = this.id ? 0 : 1;
    /** When the current connection was made, in milliseconds. */
    this.since = this.now();
    ({ pc: this.pc, ctl: this.ctl, negotiation: this.#negotiation } = this.#build());
    if (this.id) this.#begin();
  }

  /**
   * @template {keyof PeerEvents} K
   * @param {K} name @param {(value: PeerEvents[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /**
   * It is known for whom this link was made ahead: makes the offer, unless that is made.
   * @param {string} id
   */
  adopt(id) {
    const blank = this.id === "";
    this.id = id;
    this.since = this.now();
    if (blank) this.#begin();
  }

  get tracks() {
    return remoteTracks(this.pc);
  }

  /**
   * Takes a signal of the other side.
   * @param {SignalData} data
   */
  signal(data) {
    if (this.#closed || typeof data?.pc !== "string" || data.pc.length > MAX_ID) return;
    if (data.re === this.#local) this.#past.delete(data.pc); // it has heard of our newest: it is no old one, though we gave it up
    if (this.#past.has(data.pc)) return;
    if (typeof data.re === "string" && data.re !== this.#local) return; // meant for a connection that we gave up
    if (this.#held.length) return this.#hold(data);
    if (this.#remote === null) {
      if (data.description?.type === "offer" && !this.#yield()) this.#beaten = data.pc;
      if (data.pc === this.#beaten && data.description?.type !== "answer") return;
      this.#remote = data.pc;
      // Its connection is younger than our offer, or never saw it.
      if (data.need === "offer") return this.#negotiation.repeatOffer();
    } else if (this.#remote !== data.pc || data.need === "offer") {
      if (this.#pace.wait(this.now())) return this.#hold(data);
      this.#follow(data);
    }
    this.#negotiation.handle(data);
  }

  /** The other side waits until its next connection is taken. */
  get held() {
    return this.#held.length > 0;
  }

  /**
   * Both begin, as with a client that looks into no mailbox: the offer of the greater id counts, and nothing is kept of
   * the other one. What was made for an offer of one's own fits no other.
   * @returns {boolean} whether the other side's offer is to be answered
   */
  #yield() {
    if (!this.initiator) return true;
    if (this.o.self > this.id) return false;
    this.rebuild({ tell: false });
    return true;
  }

  /**
   * Starts over because the other side does. What begins with an offer is answered, whatever the ids: who waited alone
   * offers anew when what was stored has aged, and an offer against it would only make that side start over in turn.
   * @param {SignalData} first  of its new connection
   */
  #follow({ pc: remote, description }) {
    this.#pace.take(this.now());
    this.rebuild({ tell: false, answer: description?.type === "offer" });
    this.#past.delete(remote);
    this.#remote = remote;
  }

  /** Keeps what belongs to a connection for which it is too early; only the newest counts. @param {SignalData} data */
  #hold(data) {
    const [first] = this.#held;
    if (first && first.pc !== data.pc) {
      this.#past.add(first.pc);
      this.#held = [];
    }
    if (this.#held.length < MAX_HELD) this.#held.push(data);
    if (first) return;
    this.#timer = setTimeout(() => this.#release(), this.#pace.wait(this.now()));
    this.#events.emit("held", true);
  }

  #release() {
    const held = this.#held;
    if (held[0]) this.#follow(held[0]);
    for (const data of held) this.#negotiation.handle(data);
  }

  /**
   * Puts another track, or none, into a slot; no renegotiation.
   * @param {Slot} slot @param {MediaStreamTrack | null} track
   */
  async replaceTrack(slot, track) {
    const sender = transceiverOf(this.pc, slot)?.sender;
    if (sender && sender.track !== track) await sender.replaceTrack(track);
  }

  /** Tells the other side anew what is on and what is off. */
  sendState() {
    this.ctl.send("state", { ...this.o.state(), paused: this.paused });
  }

  /** Fresh ICE servers or another policy: used at the next gathering. */
  configure() {
    if (this.pc.signalingState !== "closed") this.pc.setConfiguration(this.#config);
  }

  /** @returns {RTCConfiguration} */
  get #config() {
    return { .../** @type {RTCConfiguration} */ (FIXED), iceCandidatePoolSize: this.#pool, ...this.o.config(this.#relay) };
  }

  /** @returns {import("./codecs.js").Wish} */
  get #wish() {
    return { codec: this.o.codec?.() ?? "auto", red: this.#red };
  }

  /** Other codecs are wanted: one more offer, unless the last one was made for them. */
  prefer() {
    const wish = JSON.stringify(this.#wish);
    if (this.pc.connectionState !== "connected" || wish === this.#agreed) return;
    this.#agreed = wish;
    prefer(this.pc.getTransceivers(), this.#wish, true);
    this.#negotiation.renew();
  }

  /** Much is lost, and goes on being lost: from now on sound is sent twice, where the other side can take that. */
  protectSound() {
    if (this.#red || !takesRed(this.pc)) return;
    this.#red = true;
    this.prefer();
  }

  restartIce() {
    if (!this.#closed) this.pc.restartIce();
  }

  /** Looks for another way, unless the other side has just begun to: a second search would throw away what the first has found. */
  mend() {
    if (this.now() - this.#offered >= SEARCH_MS) this.restartIce();
  }

  /** After a restart of the server: says again what may have been lost with it. */
  resync() {
    this.#negotiation.repeatOffer();
    if (this.#remote === null && !this.initiator) this.#needOffer();
  }

  /**
   * Starts over with a new connection.
   * @param {{tell: boolean, relay?: boolean, answer?: boolean}} options  tell: the other side does not know yet; answer: it has offered
   */
  rebuild({ tell, relay = false, answer = false }) {
    this.#discard();
    this.#forgetHeld();
    this.#relay = relay;
    if (this.#remote) this.#past.add(this.#remote);
    for (const id of [...this.#past].slice(0, -MAX_PAST)) this.#past.delete(id);
    this.#remote = this.#beaten = null;
    this.#pool = 0;
    this.initiator = !answer && this.o.self > this.id; // who was there first made the first offer only
    this.#local = newId();
    this.since = this.now();
    ({ pc: this.pc, ctl: this.ctl, negotiation: this.#negotiation } = this.#build());
    this.#begin();
    if (tell && !this.initiator) this.#needOffer();
    this.#events.emit("connection", "new");
  }

  /** @param {string} [reason] said to the other side; without one it is not told */
  close(reason) {
    if (reason) this.ctl.send("bye", { reason });
    this.#closed = true;
    this.#discard();
    clearTimeout(this.#timer);
  }

  /** Whoever starts over hears anew from the other side. */
  #forgetHeld() {
    clearTimeout(this.#timer);
    if (!this.#held.length) return;
    this.#held = [];
    this.#events.emit("held", false);
  }

  #needOffer() {
    this.o.send({ pc: this.#local, need: "offer" });
  }

  #build() {
    const { o } = this;
    const Connection = o.RTCPeerConnection ?? RTCPeerConnection;
    /** @type {RTCPeerConnection} */
    const pc = new Connection(this.#config);
    const local = this.#local;
    /** @type {import("./diagnose.js").Found} */
    const found = { any: false, relay: false };
    this.found = found;
    const negotiation = new Negotiation({
      pc,
      found: ({ candidate }) => {
        found.any = true;
        found.relay ||= / typ relay/.test(candidate);
      },
      polite: () => o.self < this.id,
      send: (part) => this.id && o.send({ pc: local, ...(this.#remote && { re: this.#remote }), ...part }),
      beforeAnswer: () => {
        this.#offered = this.now();
        adoptLayout(pc, o.tracks());
        prefer(pc.getTransceivers(), this.#wish, false);
        this.#events.emit("tracks", remoteTracks(pc));
      },
      onError: (error) => this.#events.emit("error", error),
    });
    // Who answers has its pictures in the order of who offers, until it offers itself.
    this.#agreed = JSON.stringify({ codec: "auto", red: false });
    const ctl = this.#control(pc);
    pc.onconnectionstatechange = () => this.#stateChanged(pc.connectionState);
    pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && this.#gathered();
    pc.onicecandidateerror = (event) => void this.iceErrors.set(event.url || "", event.errorCode);
    return { pc, ctl, negotiation };
  }

  /** Makes the first offer of the new connection, if that is this side's part. */
  #begin() {
    if (!this.initiator) return;
    const { pc } = this;
    createLayout(pc, this.o.tracks());
    prefer(pc.getTransceivers(), this.#wish, true);
    this.#agreed = JSON.stringify(this.#wish);
    this.#negotiation.begin();
    queueMicrotask(() => this.#closed || this.#events.emit("tracks", remoteTracks(pc)));
  }

  /** @param {RTCPeerConnectionState} state */
  #stateChanged(state) {
    if (state === "connected" && this.#relay) {
      this.#relay = false;
      this.configure();
      this.restartIce(); // there may be a shorter way
    }
    this.prefer();
    const ice = this.pc.sctp?.transport?.iceTransport;
    if (ice) ice.onselectedcandidatepairchange = () => this.#events.emit("way", undefined);
    this.#events.emit("connection", state);
  }

  /** @param {RTCPeerConnection} pc */
  #control(pc) {
    const ctl = new Ctl(pc, this.now);
    ctl.on("open", () => {
      this.sendState();
      this.#events.emit("open", undefined);
    });
    ctl.on("message", (message) => this.#heard(message));
    ctl.on("bulk", (data) => this.#events.emit("bulk", data));
    return ctl;
  }

  /** @param {import("./ctl.js").Message} message */
  #heard(message) {
    if (message.t === "state") this.#events.emit("state", readState(message));
    else if (message.t === "bye") this.#events.emit("bye", String(message.reason));
    else this.#events.emit("message", message);
  }

  #discard() {
    this.#negotiation.close();
    this.ctl.close();
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}

/**
 * @param {any} m  a message of another client: judged field by field
 * @returns {MediaState}
 */
function readState(m) {
  return {
    mic: m.mic === true, cam: m.cam === true, screen: m.screen === true, screenAudio: m.screenAudio === true,
    hand: m.hand === true, paused: m.paused === true,
  };
}
