import { explainRefusal } from "./rtc/explain.js";
import { say } from "./say.js";

/**
 * @typedef {import("./state.js").Outgoing} Outgoing
 * @typedef {import("./state.js").Ring} Ring
 * @typedef {import("./state.js").Contact} Contact
 *
 * @typedef {object} CallingOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./calls.js").Calls} calls
 * @property {(room: string) => void} arrived    the person is in that room now
 * @property {(video: boolean) => void} open     the person has chosen to be heard, and perhaps to be seen
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** Ends of a ring after which the person has missed a call. */
const MISSED = new Set(["cancelled", "no_answer", "offline", "busy"]);
/** More than this many missed calls say nothing more. */
const MISSED_KEPT = 20;
/** A callee who goes offline as it rings may only be loading the page anew: called once more, after this long. */
const RETRY_MS = 1_500;

/** Phases in which a second call finds this person busy. */
const BUSY = new Set(["in", "joining", "calling"]);

/** Calls by name: those that go out, those that come in, and those that were missed. The server decides all of it. */
export class Calling {
  /** @type {any} */
  #retry;
  /** The room of the call that goes out, once the person is in it. @type {Promise<string>} */
  #entered = Promise.resolve("");

  /** @param {CallingOptions} options */
  constructor(options) {
    this.o = options;
    const { session } = options;
    session.onFrame("call.ring", (frame) => this.#rung(frame));
    session.onFrame("call.update", (frame) => this.#updated(frame));
    session.onFrame("call.end", (frame) => this.#over(frame));
  }

  get #state() {
    return this.o.store.state;
  }

  /** @param {Partial<Outgoing>} change */
  #set(change) {
    const { outgoing } = this.#state;
    if (outgoing) this.o.store.set({ outgoing: { ...outgoing, ...change } });
  }

  /**
   * Calls someone. What becomes of it stands in `outgoing`.
   * @param {Outgoing["to"]} to @param {string} name @param {boolean} video @param {boolean} [retried]
   */
  async start(to, name, video, retried = false) {
    this.drop();
    /** @type {Outgoing} */
    const outgoing = { call: "", name, to, video, phase: "calling", reason: "", note: "", retried };
    this.o.store.set({ outgoing });
    const other = "user" in to ? { user: to.user, name } : null;
    const entered = this.o.calls.enter({ kind: "call", phase: "calling", label: name, other, ask: () => this.#ask(to, video) });
    this.#entered = entered;
    this.o.open(video);
    try {
      await entered;
    } catch (error) {
      const { code } = /** @type {import("./net/errors.js").ProtocolError} */ (error);
      if (code !== "closed") this.#ended(code, "");
    }
  }

  /** @param {Outgoing["to"]} to @param {boolean} video @returns {Promise<import("./rtc/call.js").Entry>} */
  async #ask(to, video) {
    const { session } = this.o;
    const { call, room, merged } = await session.request("call.start", { to, media: { audio: true, video } });
    if (this.#state.outgoing?.to === to) this.#set({ call });
    if (merged) this.#remove(call);
    const { welcome } = session;
    // Whoever is inside is told of one by one: the server sends no more than this.
    const host = merged ? "" : welcome?.you.peer ?? "";
    return { awaited: merged, room: { room, kind: "call", title: "", max: welcome?.limits.room_max ?? 0, locked: true, pass: false, host, order: 1, peers: [] } };
  }

  /** Takes the call back. */
  cancel() {
    const { outgoing } = this.#state;
    if (!outgoing || outgoing.phase === "ended") return;
    if (outgoing.call) this.o.session.request("call.cancel", { call: outgoing.call }).catch(() => {}); // over already
    this.#ended("cancelled", "");
  }

  /** The page of the call goes. */
  drop() {
    clearTimeout(this.#retry);
    this.cancel();
    if (this.#state.outgoing) this.o.store.set({ outgoing: null });
  }

  /** @param {Outgoing} outgoing */
  #onceMore({ to, name, video, retried }) {
    if (retried) return this.#ended("offline", "");
    this.#set({ call: "", phase: "calling" });
    this.#retry = setTimeout(() => void this.start(to, name, video, true), RETRY_MS);
  }

  /** @param {string} reason @param {string} note */
  #ended(reason, note) {
    const { outgoing } = this.#state;
    if (!outgoing || outgoing.phase === "ended") return;
    this.o.calls.close();
    this.#set({ phase: "ended", reason, note });
  }

  /**
   * Calls someone into the room where this person is.
   * @param {Contact} contact @param {string} room
   */
  async add({ user, name }, room) {
    const { session, store } = this.o;
    try {
      const { call } = await session.request("call.start", { to: { user }, room, media: { audio: true, video: true } });
      store.set({ added: [...this.#state.added, { call, name, state: "calling", note: "" }] });
    } catch (error) {
      say(this.o, outcome(/** @type {any} */ (error).code, name, ""));
    }
  }

  /** @param {string} call  of someone called into the room */
  cancelAdded(call) {
    this.o.session.request("call.cancel", { call }).catch(() => {});
    this.#dropAdded(call);
  }

  /** @param {string} call */
  #dropAdded(call) {
    this.o.store.set({ added: this.#state.added.filter((one) => one.call !== call) });
  }

  /** @param {{call: string, from: import("./net/types.js").RoomPeer, media?: {video?: boolean}}} frame */
  #rung({ call, from, media }) {
    const { rings, call: current, prefs } = this.#state;
    if (rings.some((ring) => ring.call === call)) return;
    const busy = prefs.callWaiting === "busy" && BUSY.has(current?.phase ?? "");
    if (busy) {
      this.o.session.request("call.decline", { call, reason: "busy" }).catch(() => {});
      return this.#miss(from);
    }
    const silent = prefs.muted.includes(from.user);
    this.o.store.set({ rings: [...rings, { call, from, video: media?.video === true, silent }] });
    this.o.session.request("call.ringing", { call }).catch(() => this.#remove(call));
    // Ahead of Accept: what a call is made of, but no device and no connection.
    import("./rtc/call.js").catch(() => {});
  }

  /** @param {{call: string, state: string}} frame */
  #updated({ call, state }) {
    const { outgoing, added } = this.#state;
    if (outgoing?.call === call && outgoing.phase !== "ended") {
      if (state === "ringing") return this.#set({ phase: "ringing" });
      this.o.store.set({ outgoing: null });
      this.o.calls.begin();
      // On a slow machine the other one is quicker than the way into the room.
      this.#entered.then(this.o.arrived, () => {}); // start hears it
      return;
    }
    if (!added.some((one) => one.call === call)) return;
    if (state === "accepted") this.#dropAdded(call);
    else this.o.store.set({ added: added.map((one) => (one.call === call ? { ...one, state } : one)) });
  }

  /** @param {{call: string, reason: string, note?: string}} frame */
  #over({ call, reason, note = "" }) {
    const { outgoing, rings, added } = this.#state;
    if (outgoing?.call === call) return reason === "offline" ? this.#onceMore(outgoing) : this.#ended(reason, note);
    const guest = added.find((one) => one.call === call);
    if (guest) {
      this.#dropAdded(call);
      return say(this.o, outcome(reason, guest.name, note));
    }
    const ring = rings.find((one) => one.call === call);
    if (!ring) return;
    this.#remove(call);
    if (MISSED.has(reason)) this.#miss(ring.from);
    else if (reason === "elsewhere" && !ring.silent) say(this.o, { key: "ring.elsewhere", values: { name: ring.from.name } });
  }

  /** @param {string} call @returns {Ring | undefined} */
  #remove(call) {
    const { rings } = this.#state;
    this.o.store.set({ rings: rings.filter((ring) => ring.call !== call) });
    return rings.find((ring) => ring.call === call);
  }

  /** Answers; a call that goes on is left. @param {string} call @param {boolean} video */
  async accept(call, video) {
    const ring = this.#remove(call);
    if (!ring) return;
    this.drop();
    const { from } = ring;
    const { session, calls } = this.o;
    const ask = () => session.request("call.accept", { call });
    const entered = calls.enter({ kind: "call", label: from.name, other: { user: from.user, name: from.name }, hurry: true, ask });
    this.o.open(video);
    try {
      this.o.arrived(await entered);
    } catch (error) {
      const { code } = /** @type {any} */ (error);
      if (code === "closed") return; // the person has gone on to something else
      say(this.o, code === "gone" ? { key: "ring.gone", values: { name: from.name } } : explainRefusal(/** @type {any} */ (error)));
      this.o.arrived("");
    }
  }

  /** @param {string} call @param {string} [note] */
  decline(call, note) {
    if (!this.#remove(call)) return;
    this.o.session.request("call.decline", { call, reason: "declined", ...(note && { note }) }).catch(() => {}); // over already
  }

  /** Says nothing to the caller: it rings there until the caller gives up. @param {string} call */
  ignore(call) {
    const { rings } = this.#state;
    this.o.store.set({ rings: rings.map((ring) => (ring.call === call ? { ...ring, silent: true } : ring)) });
  }

  /** @param {Contact} from */
  #miss({ user, name }) {
    const missed = [{ user, name, at: Math.round(Date.now() / 1000) }, ...this.#state.missed];
    this.o.store.set({ missed: missed.slice(0, MISSED_KEPT) });
    this.o.announce({ key: "missed.one", values: { name } });
  }

  /** @param {import("./net/types.js").MissedCall[]} missed  as the server keeps them for accounts @param {number} seen  Unix seconds */
  remember(missed, seen) {
    const known = this.#state.missed;
    const fresh = missed.filter(({ from, at }) => at > seen && !known.some((m) => m.user === from.user && Math.abs(m.at - at) < 3));
    const all = [...fresh.map(({ from, at }) => ({ ...from, at })), ...known];
    this.o.store.set({ missed: all.sort((a, b) => b.at - a.at).slice(0, MISSED_KEPT) });
  }

  /** A new session: nothing rings in it yet. A call that went out is made anew. */
  restarted() {
    const { outgoing } = this.#state;
    this.o.store.set({ rings: [], added: [] });
    if (outgoing && outgoing.phase !== "ended") void this.start(outgoing.to, outgoing.name, outgoing.video);
  }
}

/** Ends that have words of their own. */
const OUTCOMES = new Set([
  "declined", "busy", "cancelled", "no_answer", "offline", "user_offline", "unknown_user", "dnd", "self", "failed", "elsewhere",
]);

/**
 * What became of a call, in words.
 * @param {string} reason  of call.end, or the code of a refusal @param {string} name @param {string} note
 * @returns {import("./state.js").Text}
 */
export function outcome(reason, name, note) {
  if (reason === "declined" && note) return { key: "outcome.declined.note", values: { name, note } };
  if (OUTCOMES.has(reason)) return { key: `outcome.${reason}`, values: { name } };
  return explainRefusal({ code: reason });
}
