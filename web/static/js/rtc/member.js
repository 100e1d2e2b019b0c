import { Emitter } from "../net/emitter.js";
import { noTracks } from "./layout.js";
import { Quality } from "./quality.js";
import { Watchdog } from "./recover.js";
import { derive, pathOf, readReport } from "./stats.js";

/**
 * @typedef {import("../net/types.js").RoomPeer} RoomPeer
 * @typedef {import("./recover.js").Step} Step
 * @typedef {"connecting" | "connected" | "stalled" | "reconnecting" | "failed"} Phase
 *
 * @typedef {object} View          what a page needs to know about one other person
 * @property {string} id
 * @property {string} name
 * @property {boolean} guest
 * @property {boolean} away        its connection to the server is down
 * @property {Phase} phase
 * @property {import("./ctl.js").MediaState} state
 * @property {import("./layout.js").Tracks} tracks
 * @property {import("./stats.js").Figures | null} figures
 * @property {import("./stats.js").Path | null} path
 * @property {import("./quality.js").Grade} quality
 * @property {number[]} iceErrors
 */

/** Figures are derived from looks this far apart, in milliseconds. */
const FIGURES_MS = 1_000;
/** How often the other side is told what we measured. */
const TELL_MS = 2_000;
/** How often the other side is asked for a sign of life, so that an idle link is not taken for a dead one. */
const PING_MS = 1_000;

/** The phase that each step of the ladder shows. @type {Partial<Record<Step, Phase>>} */
const PHASE = { stalled: "stalled", restart: "reconnecting", rebuild: "failed", alive: "connected" };

/** One other person in the room: the link, how it does, and what the person says of itself. */
export class Member {
  /** @type {Phase} */
  phase = "connecting";
  /** @type {import("./ctl.js").MediaState} */
  state = { mic: false, cam: false, screen: false, screenAudio: false };
  /** @type {import("./stats.js").Figures | null} */
  figures = null;
  /** @type {import("./stats.js").Path | null} */
  path = null;
  /** It left according to the server, but its media still comes. */
  gone = false;

  /** @type {Emitter<{change: void, step: Step, connected: number, bye: string, error: unknown}>} */
  #events = new Emitter();
  /** @type {import("./stats.js").Sample | null} */
  #sample = null;
  #told = {};
  #at = { figures: -Infinity, tell: -Infinity, ping: -Infinity };
  #tracks = noTracks();
  #reported = false;
  #heard = false;

  /** @param {RoomPeer} peer @param {import("./peer.js").Peer} link  to that person's tab */
  constructor(peer, link) {
    this.peer = peer;
    this.link = link;
    this.#tracks = link.tracks;
    this.watch = new Watchdog(this.link.now());
    this.quality = new Quality();
    this.#listen();
  }

  /**
   * @template {"change" | "step" | "connected" | "bye" | "error"} K
   * @param {K} name @param {(value: {change: void, step: Step, connected: number, bye: string, error: unknown}[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** @returns {View} */
  get view() {
    return {
      id: this.peer.peer,
      name: this.peer.name,
      guest: this.peer.guest,
      away: this.peer.away === true || this.gone,
      phase: this.phase,
      state: this.state,
      tracks: this.#tracks,
      figures: this.figures,
      path: this.path,
      quality: this.quality.value,
      iceErrors: [...this.link.iceErrors.values()],
    };
  }

  /** Looks at the link; to be called about twice a second. */
  async look() {
    const now = this.link.now();
    const { pc } = this.link;
    const sample = readReport(await pc.getStats(), now);
    if (pc !== this.link.pc) return; // replaced while we asked
    for (const step of this.watch.look(now, sample.received)) this.#take(step);
    this.#measure(now, sample);
    if (now - this.#at.ping >= PING_MS) {
      this.#at.ping = now;
      this.link.ctl.send("ping", { i: Math.round(now) });
    }
  }

  /** @param {number} now @param {import("./stats.js").Sample} sample */
  #measure(now, sample) {
    if (now - this.#at.figures < FIGURES_MS) return;
    this.#at.figures = now;
    if (this.#sample) this.figures = derive(this.#sample, sample);
    this.#sample = sample;
    this.path = pathOf(sample.local, sample.remote, this.#told);
    if (this.figures) this.quality.add(now, this.figures);
    // A client without a control channel says nothing: what arrives must do.
    if (this.figures && !this.#heard) this.state = { mic: true, cam: this.figures.fps > 0, screen: false, screenAudio: false };
    if (this.path && this.phase === "connected" && !this.#reported) {
      this.#reported = true;
      this.#events.emit("connected", Math.round(now - this.link.since));
    }
    if (now - this.#at.tell >= TELL_MS) {
      this.#at.tell = now;
      this.link.ctl.send("stats", { type: sample.local?.type, relayProtocol: sample.local?.relayProtocol });
    }
    this.#events.emit("change", undefined);
  }

  #listen() {
    const { link } = this;
    link.on("tracks", (tracks) => {
      this.#tracks = tracks;
      this.#events.emit("change", undefined);
    });
    link.on("state", (state) => {
      this.state = state;
      this.#heard = true;
      this.#events.emit("change", undefined);
    });
    link.on("message", (message) => {
      if (message.t === "stats") this.#told = message;
    });
    link.on("bye", (reason) => this.#events.emit("bye", reason));
    link.on("error", (error) => this.#events.emit("error", error));
    link.on("connection", (state) => {
      if (state === "connected" && !this.watch.connected) this.#take("alive");
      if (state === "failed") for (const step of this.watch.failed()) this.#take(step);
      if (state === "new") this.#sample = null;
    });
  }

  /** @param {Step} step */
  #take(step) {
    const phase = PHASE[step];
    const settingUp = this.phase === "connecting" && step === "restart";
    if (phase && !settingUp && phase !== this.phase) {
      this.phase = phase;
      this.#events.emit("change", undefined);
    }
    this.#events.emit("step", step);
  }

  /** @param {string} [reason] */
  close(reason) {
    this.link.close(reason);
  }
}
