import { Mesh } from "./rtc/mesh.js";
import { explainRefusal } from "./rtc/explain.js";

/**
 * @typedef {import("./state.js").CallView} CallView
 * @typedef {import("./net/types.js").Room} Room
 *
 * @typedef {object} CallsOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./rtc/devices.js").LocalMedia} media
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** A full room is asked again this often: soon enough, and far below the server's limits. */
const FULL_RETRY_MS = 4_000;

/** One person's way through a room: lobby, call, and what comes after. */
export class Calls {
  /** @type {Mesh | null} */
  #mesh = null;
  /** @type {any} */
  #retry;
  /** @type {Map<string, number>} size wanted for rooms that this page is about to make */
  #sizes = new Map();
  #met = new Set();

  /** @param {CallsOptions} options */
  constructor(options) {
    this.o = options;
    options.media.on("track", (device) => void this.#mesh?.trackChanged(device));
    options.media.on("change", () => this.#devicesChanged());
    options.session.onFrame("room.peer", (frame) => this.#moved(frame));
    options.session.onFrame("room", (frame) => this.#roomChanged(frame));
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
    const call = this.#call;
    if (!call || this.#mesh || call.phase === "joining") return;
    clearTimeout(this.#retry);
    if (call.phase !== "full") this.#set({ phase: "joining", problem: null });
    try {
      this.#entered(await this.#ask(call.room));
    } catch (error) {
      this.#refused(call.room, /** @type {import("./net/errors.js").ProtocolError} */ (error));
    }
  }

  /** @param {string} room @returns {Promise<Room>} */
  async #ask(room) {
    const { mic, cam } = this.o.media.shown;
    const max = this.#sizes.get(room);
    const answer = await this.o.session.request("room.join", {
      room, create: true, ...(max ? { max } : {}), media: { audio: mic, video: cam },
    });
    return answer.room;
  }

  /** @param {Room} room */
  #entered(room) {
    const { session, store, media, announce } = this.o;
    const call = this.#call;
    const { welcome } = session;
    if (!welcome || call?.room !== room.room) {
      session.request("room.leave", { room: room.room }).catch(() => {});
      return;
    }
    const mesh = new Mesh({
      session, room: room.room, self: welcome.you.peer, ice: store.state.ice ?? welcome.ice,
      relayOnly: store.state.prefs.relayOnly, tracks: () => media.tracks, state: () => media.shown,
    });
    this.#mesh = mesh;
    this.#met.clear();
    mesh.on("change", () => this.#set({ members: mesh.views }));
    mesh.on("joined", (view) => {
      this.#met.add(view.id);
      announce({ key: "call.joined", values: { name: view.name } });
    });
    mesh.on("left", ({ view }) => announce({ key: "call.left", values: { name: view.name } }));
    mesh.on("error", (error) => console.warn("peer connection", error));
    this.#set({ phase: "in", max: room.max, since: Date.now(), problem: null });
    mesh.enter(room);
  }

  /** @param {string} room @param {import("./net/errors.js").ProtocolError} error */
  #refused(room, error) {
    if (this.#call?.room !== room || this.#call.phase === "left") return;
    if (error.code === "lost") {
      this.#set({ phase: "lobby" });
      return void this.join(); // the server was restarted under the request
    }
    if (error.code === "room_full") {
      this.#set({ phase: "full" });
      this.#retry = setTimeout(() => void this.join(), Math.max(FULL_RETRY_MS, error.retryMs ?? 0));
      return;
    }
    this.#set({ phase: "refused", problem: explainRefusal(error) });
  }

  /** The server does not know us any more: enters again; links to the others go on. */
  async rejoin() {
    const [mesh, call] = [this.#mesh, this.#call];
    if (!call || call.phase === "left") return;
    if (!mesh) return call.phase === "full" ? void this.join() : undefined;
    try {
      const room = await this.#ask(call.room);
      if (this.#mesh !== mesh) return;
      this.#set({ max: room.max });
      mesh.enter(room);
    } catch {
      this.#retry = setTimeout(() => void this.rejoin(), FULL_RETRY_MS);
    }
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
    if (this.#mesh) this.#hangUp();
  }

  #hangUp() {
    clearTimeout(this.#retry);
    const mesh = this.#mesh;
    this.#mesh = null;
    mesh?.close("left");
    if (mesh) this.o.session.request("room.leave", { room: mesh.o.room }).catch(() => {});
  }

  /** Back from the summary. */
  again() {
    this.#set({ phase: "lobby", problem: null, summary: null });
    void this.#preview();
  }

  /** @param {boolean} on */
  setRelayOnly(on) {
    this.#mesh?.setRelayOnly(on);
  }

  #devicesChanged() {
    const { media, store } = this.o;
    store.set({ devices: media.state, lists: media.lists });
    this.#mesh?.stateChanged();
  }

  /** @param {import("./net/types.js").RoomPeerEvent} frame */
  #moved({ room, ev, peer, reason }) {
    if (room !== this.#call?.room || peer.peer !== this.o.session.welcome?.you.peer) return;
    if (ev !== "leave" || reason !== "kicked") return;
    this.#hangUp();
    this.o.media.stop();
    this.#set({ phase: "refused", members: [], problem: { key: "call.kicked" } });
  }

  /** @param {{room: string, max?: number}} frame */
  #roomChanged({ room, max }) {
    if (room === this.#call?.room && typeof max === "number") this.#set({ max });
  }
}
