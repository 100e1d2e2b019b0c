import { explainRefusal } from "./rtc/explain.js";
import { say } from "./say.js";
import { dropStay, keepStay, takeStay } from "./stay.js";

/**
 * @typedef {import("./state.js").CallView} CallView
 * @typedef {import("./rtc/call.js").Call} Call
 * @typedef {import("./rtc/call.js").Entry} Entry
 * @typedef {import("./net/errors.js").ProtocolError} ProtocolError
 *
 * @typedef {object} CallsOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./rtc/devices.js").LocalMedia} media
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 *
 * @typedef {Partial<Pick<CallView, "kind" | "label" | "other" | "phase">> & {ask: () => Promise<Entry>, stored?: boolean, hurry?: boolean, keep?: boolean}} Way
 *   a way into a room that has no lobby: `ask` is its request; hurry: somebody waits in it
 *
 * @typedef {{max?: number, title?: string, locked?: boolean, pass?: string, guarded?: boolean}} Plan
 *   guarded: it had a password that this page does not know any more
 *
 * @typedef {() => Promise<(call: Call) => (() => void) | void>} Attachment  loads what takes part in a call, and does not reject;
 *   what that returns is called when the call is over
 */

/** A full room is asked again this often: soon enough, and far below the server's limits. */
const FULL_RETRY_MS = 4_000;
/** Who is left alone in a call by name hangs up after this long: a reload of the other side takes far less. */
const LINGER_MS = 20_000;

/** Phases that a reload comes back into. @type {Set<import("./state.js").CallPhase>} */
const STAYS = new Set(["joining", "in", "waiting"]);

/** @returns {CallView} */
const blank = () => ({
  room: "", kind: "link", label: "", other: null, phase: "lobby", members: [], title: "", max: 0, locked: false, pass: false,
  host: "", knocks: [], since: 0, problem: null, summary: null,
});

/** The pages of refusals that a person can do something about. @type {Record<string, import("./state.js").CallPhase>} */
const DOORS = { room_locked: "locked", bad_password: "password", room_full: "full" };

/** One person's way through a room: lobby, call, and what comes after. */
export class Calls {
  /** @type {Call | null} from the moment of asking */
  #live = null;
  /** Counts the pages that a call has had: what belongs to an earlier one changes nothing any more. */
  #turn = 0;
  /** @type {{retry?: any, linger?: any}} */
  #timers = {};
  /** @type {Map<string, Plan>} settings of rooms that this page is about to make, or made */
  #plans = new Map();
  #met = new Set();
  /** @type {Attachment[]} */
  #attachments = [];
  /** @type {((() => void) | void)[]} */
  #detach = [];
  /** Where this tab was before it was loaded anew. */
  #stay = takeStay();

  /** @param {CallsOptions} options */
  constructor(options) {
    this.o = options;
    options.media.on("change", () => this.#devicesChanged());
  }

  /** @returns {CallView | null} */
  get #call() {
    return this.o.store.state.call;
  }

  /** @param {Partial<CallView>} change */
  #set(change) {
    const call = this.#call;
    if (call) this.o.store.set({ call: { ...call, ...change } });
  }

  /**
   * Lets another part of the page take part in every call from now on, over its
   * channels (see rtc/call.js): chat, files. It is there before the person is in: what others say at once is heard.
   * @param {Attachment} attachment
   */
  attach(attachment) {
    this.#attachments.push(attachment);
  }

  /** The call that goes on now. */
  get live() {
    return this.#live;
  }

  /** Remembers what a room shall be like. @param {string} room @param {Plan} settings */
  plan(room, settings) {
    this.#plans.set(room, { ...this.#plans.get(room), ...settings });
  }

  /** @param {string} room @returns {import("./board.js").Posting | null} the open call with which this tab waited in it before its reload; once */
  waited(room) {
    const stay = this.#stay?.room === room ? this.#stay : null;
    if (stay?.posting) this.#stay = null;
    return stay?.posting ?? null;
  }

  /** Where this tab was before its reload, if it was in that room; once. @param {string} room */
  #takeStay(room) {
    const stay = this.#stay;
    this.#stay = null;
    return stay?.room === room ? stay : null;
  }

  /** Whom one would meet in a room. @param {string} room @returns {Promise<import("./net/types.js").Inside>} */
  look(room) {
    return this.o.session.request("room.look", { room });
  }

  /** Opens the lobby of a room; after a reload the room itself. @param {string} room */
  open(room) {
    if (this.#call?.room === room) return;
    const stay = this.#takeStay(room);
    this.close();
    this.o.store.set({ call: { ...blank(), room, ...(stay && { kind: stay.kind, label: stay.label, other: stay.other }) } });
    if (!stay) return void this.#preview();
    this.plan(room, stay.settings);
    void this.o.media.open({ mic: stay.mic, cam: stay.cam }); // no camera comes on that was off
    void this.join();
  }

  /** Shows the picture at once where the browser would not ask. */
  async #preview() {
    if (await this.o.media.granted()) await this.openDevices();
    else await this.o.media.refreshLists();
  }

  /** Opens what this person had on the last time. */
  openDevices() {
    const { micOn, camOn } = this.o.store.state.prefs;
    return this.o.media.open({ mic: micOn, cam: camOn });
  }

  /** Asks to be let in, with whatever devices are open. @param {string} [pass] the room's password */
  async join(pass) {
    const view = this.#call;
    if (!view || this.#live) return;
    clearTimeout(this.#timers.retry);
    if (pass) this.plan(view.room, { pass });
    if (view.phase === "lobby") this.#set({ phase: "joining", problem: null });
    try {
      await this.#start({ room: view.room, hurry: view.phase === "lobby" });
    } catch (error) {
      this.#refused(/** @type {ProtocolError} */ (error));
    }
  }

  /**
   * Enters a room that has no lobby: by a call or an offer.
   * @param {Way} way  keep: cameras that are on stay on
   * @returns {Promise<string>} the room; rejects with the server's refusal, and nothing is left of the try
   */
  async enter({ ask, stored, hurry, keep, ...view }) {
    this.close({ keep });
    const turn = this.#turn;
    this.o.store.set({ call: { ...blank(), phase: "joining", ...view } });
    try {
      await this.#start({ ask, stored, hurry });
    } catch (error) {
      if (turn === this.#turn) this.close();
      throw error;
    }
    return this.#call?.room ?? "";
  }

  /** Someone has come into the room in which this person was alone. @param {Partial<Pick<CallView, "label" | "other">>} [who] */
  begin(who) {
    this.#set({ phase: "in", since: Date.now(), ...who });
  }

  /** @param {{room?: string, ask?: () => Promise<Entry>, stored?: boolean, hurry?: boolean}} way */
  async #start(way) {
    const turn = this.#turn;
    // Its modules come when they are needed.
    const loaded = Promise.all(this.#attachments.map((load) => load()));
    const rtc = await import("./rtc/call.js").catch(() => {
      throw Object.assign(new Error(), { code: "unreachable" });
    });
    const attachments = await loaded;
    // Asked twice, or gone on to something else.
    if (this.#live || turn !== this.#turn) throw Object.assign(new Error(), { code: "closed" });
    const live = this.#make(rtc.Call, way);
    this.#detach = attachments.map((attach) => attach(live));
    try {
      this.#entered(await live.join());
    } catch (error) {
      if (this.#live === live) this.#hangUp();
      throw error;
    }
  }

  /** @param {typeof import("./rtc/call.js").Call} Class @param {{room?: string, ask?: () => Promise<Entry>, stored?: boolean, hurry?: boolean}} way @returns {Call} */
  #make(Class, way) {
    const { session, store, media, announce } = this.o;
    const { ice, prefs } = store.state;
    const { max, pass } = this.#plans.get(way.room ?? "") ?? {};
    const live = new Class({ session, media, ...way, max, pass, relayOnly: prefs.relayOnly, codec: prefs.codec, ice });
    this.#live = live;
    this.#met.clear();
    this.setDataUse(prefs.dataUse);
    live.on("change", () => this.#set({ members: live.views }));
    live.on("joined", (view) => {
      this.#met.add(view.id);
      clearTimeout(this.#timers.linger);
      announce({ key: "call.joined", values: { name: view.name } });
    });
    live.on("left", ({ view }) => this.#left(view.name));
    live.on("room", (room) => this.#changed(room));
    live.on("ended", ({ code }) => this.#ended(code));
    live.on("error", (error) => console.warn("peer connection", error));
    return live;
  }

  /** @param {import("./net/types.js").Room} room */
  #entered(room) {
    this.#changed(room);
    const { phase } = /** @type {CallView} */ (this.#call);
    const waits = phase === "calling" || phase === "waiting";
    this.#set({ room: room.room, kind: room.kind, problem: null, ...(waits ? {} : { phase: "in", since: Date.now() }), hand: false });
    this.#furnish(room);
  }

  /** Who finds himself alone in a room that he had made, after a reload, makes it as it was. @param {import("./net/types.js").Room} room */
  #furnish({ room, kind, peers, locked, title, pass }) {
    const plan = this.#plans.get(room);
    if (!plan || kind !== "link" || peers.length > 1) return;
    // Without its password it stays shut until its owner has looked.
    const open = plan.guarded === true && !pass && !plan.pass;
    this.plan(room, { guarded: false });
    if (open) say(this.o, { key: "room.pass.gone" });
    const set = { ...(plan.title && !title && { title: plan.title }), ...((plan.locked || open) && !locked && { locked: true }) };
    if (Object.keys(set).length) this.o.session.request("room.set", { room, ...set }).catch(() => {});
  }

  /** @param {string} name  of who has gone */
  #left(name) {
    const call = this.#call;
    this.o.announce({ key: "call.left", values: { name } });
    if (call?.phase !== "in" || call.kind === "link" || this.#live?.views.length) return;
    clearTimeout(this.#timers.linger);
    this.#timers.linger = setTimeout(() => this.leave({ ended: true }), LINGER_MS);
  }

  /** @param {Partial<import("./net/types.js").Room>} room  what has changed */
  #changed({ title, max, locked, pass, host }) {
    const given = Object.entries({ title, max, locked, pass, host }).filter(([, value]) => value !== undefined);
    this.#set(Object.fromEntries(given));
  }

  /** @param {ProtocolError} error */
  #refused(error) {
    const before = this.#call;
    if (!before || error.code === "closed") return; // the person has gone on to something else
    const phase = DOORS[error.code] ?? "refused";
    const wrong = phase === "password" && Boolean(this.#plans.get(before.room)?.pass);
    if (phase === "password") this.plan(before.room, { pass: "" });
    if (phase === "full") {
      this.#timers.retry = setTimeout(() => void this.join(), Math.max(FULL_RETRY_MS, error.retryMs ?? 0));
    }
    if (before.phase === "knocking" && phase === "locked") return; // asked in vain while waiting for the host
    this.#set({ phase, problem: phase === "refused" || wrong ? explainRefusal(error) : null });
  }

  /** @param {string} code */
  #ended(code) {
    this.#hangUp();
    this.o.media.stop();
    const problem = code === "kicked" ? { key: "call.kicked" } : explainRefusal({ code });
    this.#set({ phase: "refused", members: [], knocks: [], problem });
  }

  /** Hangs up and shows the summary. @param {{ended?: boolean}} [how] */
  leave({ ended = false } = {}) {
    const call = this.#call;
    if (!call) return;
    this.#turn++;
    const seconds = call.since ? Math.round((Date.now() - call.since) / 1000) : 0;
    const people = this.#met.size;
    const report = people ? this.#live?.report ?? null : null;
    this.#hangUp();
    this.o.media.stop();
    this.#set({ phase: "left", members: [], knocks: [], summary: { seconds, people, ended, report } });
  }

  /** Leaves without a trace on the page: another page takes its place. @param {{keep?: boolean}} [how] */
  close({ keep = false } = {}) {
    if (!this.#call) return;
    this.#turn++;
    this.#hangUp();
    if (!keep) this.o.media.stop();
    this.o.store.set({ call: null });
  }

  /** The tab goes away: the others should not wait for it. Perhaps it comes back at once. */
  vanish() {
    const { call, posted, devices } = this.o.store.state;
    if (call && this.#live && STAYS.has(call.phase)) {
      const { room, kind, label, other, title, locked, max } = call;
      const settings = kind === "link" ? { title, locked, max, guarded: call.pass } : {};
      keepStay({ room, kind, label, other, settings, mic: devices.mic.on, cam: devices.cam.on, posting: call.phase === "waiting" && posted ? posted : null });
    } else dropStay();
    // Behind a lock nobody would open again, the place must stay.
    this.#hangUp({ keep: call?.kind === "link" && (call.locked || call.pass) });
  }

  /** @param {{keep?: boolean}} [how] */
  #hangUp(how) {
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.linger);
    for (const off of this.#detach.splice(0)) off?.();
    this.#live?.leave(how);
    this.#live = null;
  }

  /** Back from the summary. */
  again() {
    this.#set({ phase: "lobby", problem: null, summary: null });
    void this.#preview();
  }

  /** @param {boolean} on */
  setRelayOnly(on) {
    this.#live?.setRelayOnly(on);
  }

  /** @param {import("./rtc/codecs.js").Codec} codec */
  setCodec(codec) {
    this.#live?.setCodec(codec);
  }

  /** @param {string} use */
  setDataUse(use) {
    this.#live?.setDataUse(use === "low" || use === "audio" ? use : "auto");
  }

  /** @param {boolean} up */
  raiseHand(up) {
    this.#live?.raiseHand(up);
    this.#set({ hand: up });
  }

  #devicesChanged() {
    const { media, store } = this.o;
    store.set({ devices: media.state, lists: media.lists, screen: media.screen.state });
  }
}
