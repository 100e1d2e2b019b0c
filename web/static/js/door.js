import { explainRefusal } from "./rtc/explain.js";
import { say } from "./say.js";

/**
 * @typedef {object} DoorOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./calls.js").Calls} calls
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** Somebody may have opened the door meanwhile: who waits tries it this often. */
const TRY_MS = 15_000;

/** The door of a room, from both sides: knocking, and letting in, out and keeping out. */
export class Door {
  /** @type {any} */
  #timer;
  #note = "";
  /** The room at whose door this person waits. */
  #at = "";

  /** @param {DoorOptions} options */
  constructor(options) {
    this.o = options;
    const { session, store } = options;
    session.onFrame("room.knock", (frame) => this.#knocked(frame));
    session.onFrame("room.admitted", (frame) => this.#admitted(frame));
    // In by another way, or gone: nobody waits at the door any more.
    session.onFrame("room.peer", ({ room, peer }) => this.#call?.room === room && this.#forget(peer.peer));
    store.subscribe(({ call }) => this.#at && (call?.room !== this.#at || call.phase !== "knocking") && this.#giveUp());
    session.on("welcome", ({ resumed }) => resumed || (this.#call?.phase === "knocking" && void this.knock(this.#note)));
  }

  get #call() {
    return this.o.store.state.call;
  }

  /** @param {Partial<import("./state.js").CallView>} change */
  #set(change) {
    const call = this.#call;
    if (call) this.o.store.set({ call: { ...call, ...change } });
  }

  /** Asks the host to be let in. @param {string} note */
  async knock(note) {
    const call = this.#call;
    if (!call) return;
    this.#note = note.trim();
    this.#set({ phase: "knocking", problem: null });
    this.#at = call.room;
    this.#wait();
    try {
      await this.o.session.request("room.knock", { room: call.room, ...(this.#note && { note: this.#note }) });
    } catch (error) {
      const { code } = /** @type {any} */ (error);
      if (this.#call?.room !== call.room || code === "lost" || code === "closed") return;
      if (code === "not_found") return void this.o.calls.join(); // all have gone: it is an open room again
      this.#set({ phase: code === "denied" ? "refused" : "locked", problem: explainRefusal(/** @type {any} */ (error)) });
    }
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#call?.phase !== "knocking") return;
      void this.o.calls.join();
      this.#wait();
    }, TRY_MS);
  }

  /** Whoever goes away from the door tells the host. */
  #giveUp() {
    const room = this.#at;
    this.#at = "";
    clearTimeout(this.#timer);
    if (this.#call?.room === room && this.#call.phase === "in") return;
    this.o.session.request("room.leave", { room }).catch(() => {}); // let in or refused meanwhile
  }

  /** @param {{room: string, allow: boolean}} frame */
  #admitted({ room, allow }) {
    if (this.#call?.room !== room || this.#call.phase !== "knocking") return;
    clearTimeout(this.#timer);
    this.#at = "";
    if (allow) return void this.o.calls.join();
    this.#set({ phase: "refused", problem: { key: "error.denied" } });
  }

  /** @param {{room: string, peer: import("./net/types.js").RoomPeer, note?: string}} frame */
  #knocked({ room, peer, note = "" }) {
    const call = this.#call;
    if (call?.room !== room) return;
    const knocks = [...call.knocks.filter((one) => one.id !== peer.peer), { id: peer.peer, name: peer.name, guest: peer.guest, note }];
    this.#set({ knocks });
    this.o.announce({ key: "knock.title", values: { name: peer.name } }, true);
  }

  /** @param {string} peer */
  #forget(peer) {
    const knocks = this.#call?.knocks ?? [];
    if (knocks.some((one) => one.id === peer)) this.#set({ knocks: knocks.filter((one) => one.id !== peer) });
  }

  /** @param {string} peer @param {boolean} allow */
  admit(peer, allow) {
    const call = this.#call;
    if (!call) return;
    this.#forget(peer);
    this.#ask("room.admit", { peer, allow });
  }

  /** @param {string} peer */
  kick(peer) {
    this.#ask("room.kick", { peer });
  }

  /**
   * Changes the room; remembered for a reload that finds nobody in it.
   * @param {{locked?: boolean, max?: number, title?: string, pass?: string | null}} settings
   */
  change(settings) {
    const call = this.#call;
    if (!call) return;
    const { pass, ...rest } = settings;
    this.o.calls.plan(call.room, { ...rest, ...(pass !== undefined && { pass: pass ?? "" }) });
    this.#ask("room.set", settings);
  }

  /** @param {string} t @param {object} fields */
  #ask(t, fields) {
    const room = this.#call?.room;
    this.o.session.request(t, { room, ...fields }).catch((error) => {
      if (error.code === "peer_gone" || error.code === "not_in_room") return; // gone meanwhile
      say(this.o, explainRefusal(error));
    });
  }
}
