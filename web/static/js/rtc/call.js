import { Emitter } from "../net/emitter.js";
import { ProtocolError } from "../net/errors.js";
import { Mesh } from "./mesh.js";
import { wanted } from "./want.js";

/**
 * @typedef {import("../net/types.js").Room} Room
 * @typedef {import("./member.js").View} View
 *
 * @typedef {{room: Room, mail?: number, awaited?: boolean}} Entry  mail: signals that waited in the room; they follow; awaited:
 *   somebody is there of whom the server tells in a moment
 *
 * @typedef {object} CallOptions
 * @property {import("../net/session.js").Session} session
 * @property {import("./devices.js").LocalMedia} media
 * @property {string} [room]             its name; not known before `ask` has answered
 * @property {() => Promise<Entry>} [ask]  the first way in, in place of room.join: a call, an offer
 * @property {string} [pass]              the room's password
 * @property {boolean} [hurry]            somebody is likely to be there: prepares the first connection while the server is asked
 * @property {boolean} [stored]           while alone, leaves an offer in the room's mailbox for who comes first; true when left out
 * @property {number} [max]               people at most, if this call is what makes the room
 * @property {import("./codecs.js").Codec} [codec]  for pictures
 * @property {boolean} [relayOnly]        send everything through the relay
 * @property {import("../net/types.js").Ice | null} [ice]  fresher servers than those of the welcome
 * @property {any} [RTCPeerConnection]    class with the browser's interface
 *
 * @typedef {object} CallEvents
 * @property {void} change                        the others, or how they do
 * @property {View} joined
 * @property {{view: View, reason: string}} left
 * @property {Partial<Room>} room                 its settings have changed
 * @property {{code: string, message: string}} ended   not by leave(): kicked, or the session is over
 * @property {View} open                          one can talk to this member over ctl and bulk; again after each new connection
 * @property {{id: string, data: ArrayBuffer}} bulk   bytes of a member
 * @property {unknown} error                      of a connection; it is mended without help
 */

/**
 * A browser that draws the page of a call has no time for anything else. What the others wait for goes first, if it is
 * there within this time: who comes hardly notices.
 */
const SAY_MS = 250;

/** How long until the next try to come back into a room that the server has forgotten us in. */
const RETRY_MS = 4_000;

/**
 * One person's stay in one room: in, a link to everyone there, in again when
 * the server was restarted, out. It ends once and is not used again.
 *
 * What people do with each other beside sound and picture (chat, files, …)
 * goes over two channels to each member, without the server:
 *
 *     call.onMessage("chat", (message, id) => …)   // judge every field: it is another client's word
 *     call.send(id, "chat", { text })              // false: not open now; say it again at "open"
 *     call.on("open", (view) => …)                 // a member can be talked to, also after a new connection
 *     call.bulk(id)                                // its RTCDataChannel for bytes, null while it is not open
 *     call.on("bulk", ({ id, data }) => …)
 *
 * Types that are taken: state, want, stats, ping, pong, bye, react, sas.*.
 * A message has at most 16 KiB, and about ten a second go out.
 */
export class Call {
  /** @type {Emitter<CallEvents>} */
  #events = new Emitter();
  /** @type {Emitter<Record<string, {id: string, message: import("./ctl.js").Message}>>} by type of message */
  #messages = new Emitter();
  /** @type {Mesh | null} */
  #mesh = null;
  /** @type {(() => void)[]} */
  #off;
  /** @type {any} */
  #retry;
  #asked = false;
  /** The server has let this person in. */
  #inside = false;
  #hand = false;
  /** @type {import("./uplink.js").DataUse} */
  #use = "auto";
  /** @type {RTCCertificate[] | undefined} */
  #certificates;
  #over = false;

  /** @param {CallOptions} options */
  constructor(options) {
    this.o = options;
    const { session, media } = options;
    this.#off = [
      media.on("track", (device) => void this.#mesh?.trackChanged(device)),
      media.on("change", () => this.#mesh?.stateChanged()),
      session.on("wake", () => {
        this.#mesh?.wake();
        void media.revive?.();
      }),
      session.on("welcome", ({ welcome, resumed }) => {
        this.#mesh?.setIce(welcome.ice); // what the server before gave may count no longer
        // After a break of the socket the network may be another one.
        if (resumed) this.#mesh?.renew();
        else void this.#again();
      }),
      session.on("ended", (end) => this.#end(end)),
      session.onFrame("room.peer", (frame) => this.#moved(frame)),
      session.onFrame("room", (frame) => this.#changed(frame)),
    ];
  }

  /**
   * @template {keyof CallEvents} K
   * @param {K} name @param {(value: CallEvents[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /**
   * Listens to one type of message of the members.
   * @param {string} type @param {(message: import("./ctl.js").Message, id: string) => void} fn  id: whose word it is
   * @returns {() => void} ends the listening
   */
  onMessage(type, fn) {
    return this.#messages.on(type, ({ id, message }) => fn(message, id));
  }

  /**
   * Says something to one member.
   * @param {string} id @param {string} type @param {object} [fields]
   * @returns {boolean} false: not sent, and will not be
   */
  send(id, type, fields) {
    return this.#mesh?.send(id, type, fields) ?? false;
  }

  /** @param {string} id @returns {RTCDataChannel | null} */
  bulk(id) {
    return this.#mesh?.bulk(id) ?? null;
  }

  /** @param {string} id @returns {number} bytes of the largest message that its bulk channel takes; 0 while that is not known */
  largest(id) {
    return this.#mesh?.largest(id) ?? 0;
  }

  /** @returns {View[]} the others, in the order in which they came */
  get views() {
    return this.#mesh?.views ?? [];
  }

  /**
   * Asks to be let in, with whatever devices are open.
   * @returns {Promise<Room>} rejects with the server's refusal; then it may be asked again
   */
  async join() {
    for (;;) {
      try {
        return await this.#come();
      } catch (error) {
        this.#asked = false;
        this.#drop("left");
        // "lost": the server was restarted under the request.
        if (this.#over || /** @type {ProtocolError} */ (error).code !== "lost") throw error;
      }
    }
  }

  /** @returns {Promise<Room>} */
  async #come() {
    this.#asked = true;
    this.#open(); // it hears what comes right behind the answer
    const asked = (this.o.ask ?? this.#ask)();
    asked.catch(() => {}); // heard below
    this.#certificates = await ownCertificate(this.o.RTCPeerConnection);
    if (this.#mesh) this.#mesh.o.certificates = this.#certificates;
    if (this.o.hurry) this.#mesh?.hurry();
    const { room, mail = 0, awaited } = await asked;
    this.o.room = room.room;
    const said = this.#enter(room, mail > 0, awaited);
    /** @type {any} */
    let timer;
    await Promise.race([said, new Promise((resolve) => (timer = setTimeout(resolve, SAY_MS)))]);
    clearTimeout(timer);
    if (this.#over) throw new ProtocolError("closed", "You have left the room.");
    return room;
  }

  /**
   * Hangs up.
   * @param {{keep?: boolean}} [how]  keep: the server keeps the place for a while, for a tab that is loaded anew; the
   *   others hear that one has gone all the same
   */
  leave({ keep = false } = {}) {
    const told = this.#asked && !this.#over && !keep && this.o.room;
    this.#finish("left");
    if (told) this.o.session.request("room.leave", { room: this.o.room }).catch(() => {});
  }

  /** @param {boolean} on */
  setRelayOnly(on) {
    this.o.relayOnly = on;
    this.#mesh?.setRelayOnly(on);
  }

  /** @param {import("./codecs.js").Codec} codec  for pictures, from now on */
  setCodec(codec) {
    this.o.codec = codec;
    this.#mesh?.setCodec(codec);
  }

  /** @param {import("./uplink.js").DataUse} use  how much this person wants to send and to get */
  setDataUse(use) {
    this.#use = use;
    this.#mesh?.setDataUse(use);
  }

  /**
   * Says how large a member is shown: the other side sends that and no more.
   * @param {string} id @param {import("./want.js").Want} shown  lines of device pixels, 0 for what is not shown
   */
  show(id, shown) {
    this.#mesh?.want(id, wanted(shown, this.#use));
  }

  /** @param {boolean} up  told to everybody, and kept for those who come */
  raiseHand(up) {
    this.#hand = up;
    this.#mesh?.stateChanged();
  }

  /** Shows everybody a sign, as a thumb up. @param {string} e */
  react(e) {
    for (const { id } of this.views) this.send(id, "react", { e });
  }

  /** Tries anew at once to reach a member. @param {string} id */
  retry(id) {
    this.#mesh?.retry(id);
  }

  /** The two people have compared the safety code. @param {string} id @param {boolean} same */
  confirm(id, same) {
    this.#mesh?.confirm(id, same);
  }

  /** What happened so far, and how everybody does: without names and addresses. */
  get report() {
    const journal = this.#mesh?.journal;
    const members = [...(journal?.gone ?? []), ...this.views.map((view) => journal?.facts(view))];
    return { relayOnly: this.o.relayOnly ?? false, dataUse: this.#use, members, events: journal?.entries ?? [] };
  }

  /** @returns {Promise<Entry>} */
  #ask = () => {
    const { session, media, room, max, pass } = this.o;
    const { mic, cam } = media.shown;
    this.#asked = true;
    return session.request("room.join", {
      room, create: true, ...(max ? { max } : {}), ...(pass ? { pass } : {}), media: { audio: mic, video: cam },
    });
  };

  /** @param {Room} room @param {boolean} answer  an offer waited for us @param {boolean} [awaited] @returns {Promise<unknown>} */
  #enter(room, answer, awaited) {
    const { session } = this.o;
    const mesh = this.#over ? null : this.#open();
    if (!mesh) {
      if (this.o.ask) session.request("room.leave", { room: room.room }).catch(() => {}); // let in after having gone
      throw new ProtocolError("closed", "You have left the room.");
    }
    this.#inside = true;
    mesh.o.answer = answer;
    return mesh.enter(room, awaited);
  }

  /** @returns {Mesh | null} the one of this stay; null before the server has said who we are */
  #open() {
    const { session, media, ice, codec, relayOnly = false, stored = true, RTCPeerConnection } = this.o;
    const { welcome } = session;
    if (this.#mesh || !welcome) return this.#mesh;
    const mesh = new Mesh({
      session, room: "", self: welcome.you.peer, ice: ice ?? welcome.ice, relayOnly, stored, codec,
      tracks: () => media.tracks, state: () => ({ ...media.shown, hand: this.#hand, paused: false }),
      certificates: this.#certificates, RTCPeerConnection,
    });
    mesh.setDataUse(this.#use);
    for (const name of /** @type {const} */ (["change", "joined", "left", "open", "bulk", "error"])) {
      mesh.on(name, (/** @type {any} */ value) => this.#events.emit(name, value));
    }
    mesh.on("message", (said) => this.#messages.emit(said.message.t, said));
    return (this.#mesh = mesh);
  }

  /** The server does not know us any more: enters again; links to the others go on. */
  async #again() {
    const mesh = this.#mesh;
    const { session } = this.o;
    if (!mesh || !this.#inside || this.#over) return;
    clearTimeout(this.#retry);
    if (session.welcome?.you.peer !== mesh.o.self) return this.#end({ code: "lost", message: "You are somebody else now." });
    try {
      const { room } = await this.#ask();
      if (this.#over) return;
      this.#events.emit("room", room);
      mesh.enter(room);
    } catch {
      if (!this.#over) this.#retry = setTimeout(() => void this.#again(), RETRY_MS);
    }
  }

  /** @param {import("../net/types.js").RoomPeerEvent} frame */
  #moved({ room, ev, peer, reason }) {
    if (room !== this.o.room || peer.peer !== this.#mesh?.o.self) return;
    if (ev === "leave" && reason === "kicked") this.#end({ code: "kicked", message: "You were removed from the room." });
  }

  /** @param {Partial<Room>} room */
  #changed(room) {
    if (room.room === this.o.room) this.#events.emit("room", room);
  }

  /** @param {{code: string, message: string}} end */
  #end(end) {
    if (this.#over) return;
    const inside = this.#inside;
    this.#finish("left");
    if (inside) this.#events.emit("ended", end);
  }

  /** @param {string} reason  said to the others */
  #finish(reason) {
    this.#over = true;
    clearTimeout(this.#retry);
    for (const off of this.#off) off();
    this.#drop(reason);
  }

  /** @param {string} reason */
  #drop(reason) {
    this.#mesh?.close(reason);
    this.#mesh = null;
    this.#inside = false;
  }
}

/**
 * One certificate for all connections of a call, so that a new one is known to
 * be the same person's. Another call has another: it must not become a name.
 * @param {any} [Connection] @returns {Promise<RTCCertificate[] | undefined>}
 */
async function ownCertificate(Connection = globalThis.RTCPeerConnection) {
  try {
    return [await Connection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" })];
  } catch {
    return undefined; // then each connection makes its own
  }
}
