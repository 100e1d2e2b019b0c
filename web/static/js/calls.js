import { explainRefusal } from "./rtc/explain.js";

/**
 * @typedef {import("./state.js").CallView} CallView
 *
 * @typedef {object} CallsOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./rtc/devices.js").LocalMedia} media
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** A full room is asked again this often: soon enough, and far below the server's limits. */
const FULL_RETRY_MS = 4_000;

/** @typedef {import("./rtc/call.js").Call} Call */
/** @typedef {(call: Call) => (() => void) | void} Attachment  what it returns is called when the call is over */

/** One person's way through a room: lobby, call, and what comes after. */
export class Calls {
  /** @type {Call | null} from the moment of asking */
  #live = null;
  /** @type {any} */
  #retry;
  /** @type {Map<string, number>} size wanted for rooms that this page is about to make */
  #sizes = new Map();
  #met = new Set();
  /** @type {Attachment[]} */
  #attachments = [];
  /** @type {((() => void) | void)[]} */
  #detach = [];

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
   * channels (see rtc/call.js): chat, files.
   * @param {Attachment} attachment
   */
  attach(attachment) {
    this.#attachments.push(attachment);
  }

  /** The call that goes on now. */
  get live() {
    return this.#live;
  }

  /** @param {string} room @param {number} max  people at most, when this page is the one to make it */
  plan(room, max) {
    this.#sizes.set(room, max);
  }

  /** Opens the lobby of a room. @param {string} room */
  open(room) {
    if (this.#call?.room === room) return;
    this.close();
    this.o.store.set({
      call: { room, phase: "lobby", members: [], max: 0, since: 0, problem: null, summary: null },
    });
    void this.#preview();
  }

  /** Shows the picture at once where the browser would not ask. */
  async #preview() {
    const { media, store } = this.o;
    const { prefs } = store.state;
    if (await media.granted()) await media.open({ mic: prefs.micOn, cam: prefs.camOn });
    else await media.refreshLists();
  }

  /** Asks to be let in, with whatever devices are open. */
  async join() {
    const view = this.#call;
    if (!view || this.#live) return;
    clearTimeout(this.#retry);
    if (view.phase !== "full") this.#set({ phase: "joining", problem: null });
    const rtc = await import("./rtc/call.js").catch(() => null);
    if (this.#live || this.#call?.room !== view.room) return; // asked twice, or gone on to something else
    if (!rtc) return this.#set({ phase: "refused", problem: explainRefusal({ code: "unreachable" }) });
    const live = this.#start(view.room, rtc.Call);
    try {
      const { max } = await live.join();
      this.#set({ phase: "in", max, since: Date.now(), problem: null });
    } catch (error) {
      if (this.#live !== live) return; // the person has gone on to something else
      this.#hangUp();
      this.#refused(/** @type {import("./net/errors.js").ProtocolError} */ (error));
    }
  }

  /** @param {string} room @param {typeof import("./rtc/call.js").Call} Call  its modules come when they are needed */
  #start(room, Call) {
    const { session, store, media, announce } = this.o;
    const { ice, prefs } = store.state;
    const live = new Call({ session, media, room, max: this.#sizes.get(room), relayOnly: prefs.relayOnly, ice });
    this.#live = live;
    this.#met.clear();
    this.#detach = this.#attachments.map((attachment) => attachment(live));
    live.on("change", () => this.#set({ members: live.views }));
    live.on("joined", (view) => {
      this.#met.add(view.id);
      announce({ key: "call.joined", values: { name: view.name } });
    });
    live.on("left", ({ view }) => announce({ key: "call.left", values: { name: view.name } }));
    live.on("room", ({ max }) => typeof max === "number" && this.#set({ max }));
    live.on("ended", ({ code }) => this.#ended(code));
    live.on("error", (error) => console.warn("peer connection", error));
    return live;
  }

  /** @param {import("./net/errors.js").ProtocolError} error */
  #refused(error) {
    if (error.code === "room_full") {
      this.#set({ phase: "full" });
      this.#retry = setTimeout(() => void this.join(), Math.max(FULL_RETRY_MS, error.retryMs ?? 0));
      return;
    }
    this.#set({ phase: "refused", problem: explainRefusal(error) });
  }

  /** @param {string} code */
  #ended(code) {
    this.#hangUp();
    this.o.media.stop();
    const problem = code === "kicked" ? { key: "call.kicked" } : explainRefusal({ code });
    this.#set({ phase: "refused", members: [], problem });
  }

  /** Hangs up and shows the summary. */
  leave() {
    const call = this.#call;
    if (!call) return;
    const seconds = call.since ? Math.round((Date.now() - call.since) / 1000) : 0;
    const people = this.#met.size;
    this.#hangUp();
    this.o.media.stop();
    this.#set({ phase: "left", members: [], summary: { seconds, people } });
  }

  /** Leaves without a trace on the page: another page takes its place. */
  close() {
    if (!this.#call) return;
    this.#hangUp();
    this.o.media.stop();
    this.o.store.set({ call: null });
  }

  /** The tab goes away: the others should not wait for it. */
  vanish() {
    this.#hangUp();
  }

  #hangUp() {
    clearTimeout(this.#retry);
    for (const off of this.#detach.splice(0)) off?.();
    this.#live?.leave();
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

  #devicesChanged() {
    const { media, store } = this.o;
    store.set({ devices: media.state, lists: media.lists });
  }
}
