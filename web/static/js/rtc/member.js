import { Emitter } from "../net/emitter.js";
import { Adapter } from "./adapt.js";
import { LossRule } from "./codecs.js";
import { stepOf } from "./diagnose.js";
import { digestOf, readDigest } from "./digest.js";
import { noTracks } from "./layout.js";
import { Quality } from "./quality.js";
import { Watchdog } from "./recover.js";
import { derive, pathOf, readReport } from "./stats.js";
import { Trust } from "./trust.js";
import { EVERYTHING, readWant, wantMessage } from "./want.js";

/**
 * @typedef {import("../net/types.js").RoomPeer} RoomPeer
 * @typedef {import("./recover.js").Step} Step
 * @typedef {"connecting" | "connected" | "stalled" | "reconnecting" | "failed" | "lost"} Phase
 *
 * @typedef {object} View          what a page needs to know about one other person
 * @property {string} id
 * @property {string} name
 * @property {boolean} guest
 * @property {boolean} away        its connection to the server is down
 * @property {Phase} phase
 * @property {boolean} waiting     broken for so long that one may not want to wait any more
 * @property {boolean} held        its browser starts over so often that this one waits before it follows
 * @property {import("./ctl.js").MediaState} state
 * @property {import("./layout.js").Tracks} tracks
 * @property {import("./stats.js").Figures | null} figures
 * @property {import("./digest.js").Digest | null} told   what arrives there of what is sent from here
 * @property {number[]} rtts       round trips of the last minute, one a second, milliseconds
 * @property {import("./stats.js").Path | null} path
 * @property {import("./quality.js").Grade} quality
 * @property {number[]} iceErrors
 * @property {import("./diagnose.js").SetupStep | ""} step   of setting up that failed the last time
 * @property {boolean} relay       the relay could be reached at that step
 * @property {boolean} paused      no picture is sent there, to keep the sound clear
 * @property {import("./trust.js").Safety} safety
 *
 * @typedef {object} MemberEvents
 * @property {void} change
 * @property {void} measured       new figures
 * @property {void} back           a break is over, or may be: what was sent in it is lost
 * @property {void} want           the other side wants other sizes
 * @property {Step} step
 * @property {number} connected    after so many milliseconds
 * @property {string} bye
 * @property {unknown} error
 */

/** Figures are derived from looks this far apart, in milliseconds. */
const FIGURES_MS = 1_000;
/** How often the other side is told what we measured. */
const TELL_MS = 2_000;
/** How often the other side is asked for a sign of life, so that an idle link is not taken for a dead one. */
const PING_MS = 1_000;
/** Round trips that are kept: a minute's. */
const RTTS = 60;

/** The phase that each step of the ladder shows. @type {Partial<Record<Step, Phase>>} */
const PHASE = { stalled: "stalled", restart: "reconnecting", renew: "reconnecting", rebuild: "failed", lost: "lost", alive: "connected" };

/** One other person in the room: the link, how it does, and what the person says of itself. */
export class Member {
  /** @type {Phase} */
  phase = "connecting";
  waiting = false;
  /** @type {import("./ctl.js").MediaState} */
  state = { mic: false, cam: false, screen: false, screenAudio: false, hand: false, paused: false };
  /** @type {import("./stats.js").Figures | null} */
  figures = null;
  /** @type {import("./stats.js").Path | null} */
  path = null;
  /** It left according to the server, but its media still comes. */
  gone = false;
  /** Bits a second that are meant for it. */
  bps = 0;
  /** What the other side wants to see of this one. */
  theirs = EVERYTHING;
  /** The way through the relay alone has been tried since it was last heard. */
  relayed = false;
  /** @type {import("./diagnose.js").SetupStep | ""} */
  failedAt = "";
  /** Whether the relay could be reached when that was seen. */
  #relay = false;

  /** @type {Emitter<MemberEvents>} */
  #events = new Emitter();
  /** @type {import("./stats.js").Sample | null} */
  #sample = null;
  /** @type {import("./digest.js").Digest | null} */
  #told = null;
  #ours = EVERYTHING;
  /** @type {number[]} */
  #rtts = [];
  #at = { figures: -Infinity, tell: -Infinity, ping: -Infinity };
  #tracks = noTracks();
  #reported = false;
  /** The current connection has been made once: what it misses now is no step of setting up. */
  #stood = false;
  #heard = false;

  /** @param {RoomPeer} peer @param {import("./peer.js").Peer} link  to that person's tab */
  constructor(peer, link) {
    this.peer = peer;
    this.link = link;
    this.#tracks = link.tracks;
    this.watch = new Watchdog(this.link.now());
    this.adapter = new Adapter(this.link.now());
    this.quality = new Quality();
    this.loss = new LossRule();
    this.trust = new Trust(this.link, () => this.#changed());
    this.#listen();
  }

  /**
   * @template {keyof MemberEvents} K
   * @param {K} name @param {(value: MemberEvents[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** @returns {View} */
  get view() {
    const { peer, phase, waiting, state, figures, path, link } = this;
    return {
      id: peer.peer, name: peer.name, guest: peer.guest, away: peer.away === true || this.gone,
      phase, waiting, held: link.held, state, tracks: this.#tracks, figures, told: this.#told, rtts: this.#rtts, path,
      quality: this.quality.value, iceErrors: [...link.iceErrors.values()], step: this.failedAt, relay: this.#relay, paused: link.paused,
      safety: this.trust.view,
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

  /** The network has changed, or the machine woke up: is the other side still there? */
  hurry() {
    this.watch.hurry(this.link.now());
    this.link.ctl.send("ping");
  }

  /** The way to the server was dead, and there is another one. */
  replaced() {
    this.watch.replaced(this.link.now());
    this.link.ctl.send("ping");
  }

  /** A person does not want to wait for the next try. */
  retry() {
    this.watch.reset(this.link.now());
    this.phase = "reconnecting";
    this.waiting = false;
    this.link.rebuild({ tell: true });
    this.#changed();
  }

  /** What is shown of the other side here. @param {import("./want.js").Want} want */
  want(want) {
    if (want.cam === this.#ours.cam && want.screen === this.#ours.screen) return;
    this.#ours = want;
    this.link.ctl.send("want", wantMessage(want));
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    if (paused === this.link.paused) return;
    this.link.paused = paused;
    this.link.sendState();
    this.#changed();
  }

  /** @param {number} now @param {import("./stats.js").Sample} sample */
  #measure(now, sample) {
    if (now - this.#at.figures < FIGURES_MS) return;
    this.#at.figures = now;
    const figures = this.#sample ? derive(this.#sample, sample) : null;
    this.#sample = sample;
    this.path = pathOf(sample.local, sample.remote, this.#told ?? undefined);
    if (figures) this.#judge(now, figures);
    if (this.path && this.phase === "connected" && !this.#reported) {
      this.#reported = true;
      this.#events.emit("connected", Math.round(now - this.link.since));
    }
    if (now - this.#at.tell >= TELL_MS) {
      this.#at.tell = now;
      this.link.ctl.send("stats", digestOf(sample, figures));
    }
    this.#events.emit("measured", undefined);
    this.#changed();
  }

  /** @param {number} now @param {import("./stats.js").Figures} figures */
  #judge(now, figures) {
    this.figures = figures;
    this.quality.add(now, figures);
    this.#rtts = [...this.#rtts, figures.rtt].slice(-RTTS);
    const { lossOut: loss, rtt, limited, estimate } = figures;
    // Our own ceiling holds the encoder back too: that is trouble only if the way carries less than it.
    const narrow = limited === "bandwidth" && !(estimate >= this.bps);
    if (this.phase === "connected") this.adapter.add(now, { loss, rtt, limited: narrow });
    if (this.loss.add(now, loss)) this.link.protectSound();
    // A client without a control channel says nothing: what arrives must do.
    if (!this.#heard) this.state = { ...this.state, mic: true, cam: figures.fps > 0 };
  }

  #listen() {
    const { link } = this;
    link.on("tracks", (tracks) => {
      this.#tracks = tracks;
      this.#changed();
    });
    link.on("state", (state) => {
      this.state = state;
      this.#heard = true;
      this.#changed();
    });
    link.on("open", () => link.ctl.send("want", wantMessage(this.#ours)));
    link.on("message", (message) => this.#said(message));
    link.on("way", () => this.#broken && this.#events.emit("back", undefined));
    link.on("held", () => this.#changed());
    link.on("bye", (reason) => this.#events.emit("bye", reason));
    link.on("error", (error) => this.#events.emit("error", error));
    link.on("connection", (state) => {
      if (state === "connected" && !this.watch.connected) this.#take("alive");
      if (state === "failed") for (const step of this.watch.failed()) this.#take(step);
      if (state === "connected") this.#stood = true;
      if (state !== "new") return;
      this.#stood = false;
      this.#sample = this.#told = null;
      this.#tracks = noTracks(); // a browser paints what has ended black
      this.#changed();
    });
  }

  /** @param {import("./ctl.js").Message} message */
  #said(message) {
    if (message.t === "stats") this.#told = readDigest(message);
    if (message.t !== "want") return;
    this.theirs = readWant(message);
    this.#events.emit("want", undefined);
  }

  get #broken() {
    return this.phase !== "connecting" && this.phase !== "connected";
  }

  /** @param {Step} step */
  #take(step) {
    const phase = PHASE[step];
    if (step === "alive" && this.#broken) this.#events.emit("back", undefined);
    const settingUp = this.phase === "connecting" && step === "restart";
    const worse = !(this.phase === "lost" && step === "rebuild");
    if (step === "rebuild" || step === "refresh") {
      this.failedAt = this.#stood ? "media" : stepOf(this.link.pc, this.link.found);
      this.#relay = this.link.found.relay;
    }
    if (step === "refresh") this.waiting = true;
    if (step === "alive") this.waiting = false;
    if (phase && !settingUp && worse) this.phase = phase;
    this.#changed();
    this.#events.emit("step", step);
  }

  #changed() {
    this.#events.emit("change", undefined);
  }

  /** @param {string} [reason] */
  close(reason) {
    this.link.close(reason);
  }
}
