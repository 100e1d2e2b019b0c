import { Emitter } from "../net/emitter.js";
import { Journal } from "./journal.js";
import { Links } from "./links.js";
import { Member } from "./member.js";
import { Repair } from "./repair.js";
import { Uplink } from "./uplink.js";

/**
 * @typedef {import("../net/types.js").Room} Room
 * @typedef {import("../net/types.js").Ice} Ice
 * @typedef {import("./member.js").View} View
 * @typedef {import("./layout.js").Tracks} Tracks
 *
 * @typedef {object} MeshSession   what is used of net/session.js
 * @property {(t: string, fields?: object) => Promise<any>} request
 * @property {(t: string, fields: object, reject?: (error: any) => void) => void} post
 * @property {(type: string, fn: (frame: any) => void) => () => void} onFrame
 * @property {() => void} probe
 *
 * @typedef {object} MeshOptions
 * @property {MeshSession} session
 * @property {string} self                    own peer id
 * @property {string} room                    its name; "" until the server has let this person in
 * @property {Ice} ice
 * @property {boolean} relayOnly
 * @property {boolean} [stored]               while nobody else is there, an offer waits in the mailbox of the room: who comes answers
 *   at once, and this side's relay stands already
 * @property {boolean} [answer]               who is there already has made the offers: they wait in the room's mailbox
 * @property {() => Tracks} tracks
 * @property {() => import("./ctl.js").MediaState} state
 * @property {import("./codecs.js").Codec} [codec]   for pictures
 * @property {RTCCertificate[]} [certificates]  the same for every connection, so that a safety code outlives them
 * @property {any} [RTCPeerConnection]
 * @property {() => number} [now]
 *
 * @typedef {object} MeshEvents
 * @property {void} change                     the people or how they do
 * @property {View} joined
 * @property {{view: View, reason: string}} left
 * @property {View} open                        the channels to this member are open; again after each new connection
 * @property {{id: string, message: import("./ctl.js").Message}} message  said over ctl by the member with that id
 * @property {{id: string, data: ArrayBuffer}} bulk   came over the bulk channel
 * @property {unknown} error
 */

/** How often each link is looked at: fine enough for the first rungs of the ladder. */
const LOOK_MS = 500;

/** So much that comes right behind the server's answer is kept until that is read: more than a mailbox and its room say. */
const MOST_EARLY = 256;

/** Reasons for leaving after which the media is over, whatever still arrives. */
const GONE = new Set(["left", "kicked", "moved"]);

/** Everyone else in one room, each over a link of its own. */
export class Mesh {
  /** @type {Emitter<MeshEvents>} */
  #events = new Emitter();
  /** @type {Map<string, Member>} by peer id */
  #members = new Map();
  /** @type {Uplink} */
  #uplink = new Uplink();
  /** @type {(() => void)[]} */
  #off;
  /** @type {any} */
  #timer;
  #queued = false;
  /** @type {(() => void)[] | null} what to do about what came before this person was in */
  #early = [];
  /** @type {Set<string>} who has hung up although the server still keeps the place */
  #parted = new Set();
  /** @type {Links} */
  #links;
  #repair;

  /** @param {MeshOptions} options */
  constructor(options) {
    this.o = options;
    this.now = options.now ?? (() => performance.now());
    this.journal = new Journal(this.now);
    this.#links = new Links(options);
    const { session } = options;
    this.#repair = new Repair({
      session, journal: this.journal, now: this.now,
      setIce: (ice) => this.setIce(ice), back: () => this.#share(), giveUp: (member) => this.#remove(member, "timeout"),
    });
    this.#off = [
      session.onFrame("signal", (frame) => this.#inside(() => this.#signal(frame))),
      session.onFrame("room.peer", (frame) => this.#inside(() => this.#moved(frame))),
      session.onFrame("ice", (frame) => this.#fresh(frame.ice)),
    ];
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /**
   * @template {keyof MeshEvents} K
   * @param {K} name @param {(value: MeshEvents[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** All that there are, the one that still waits for its other end included. */
  get #every() {
    const { ahead } = this.#links;
    return [...[...this.#members.values()].map(({ link }) => link), ...(ahead ? [ahead] : [])];
  }

  /** @returns {View[]} in the order in which they came */
  get views() {
    return [...this.#members.values()].sort((a, b) => a.peer.order - b.peer.order).map((member) => member.view);
  }

  /**
   * Takes the room as the server sees it: at the first join, and at each later
   * one after the server forgot us. Links to people who are still there go on.
   * @param {Room} room
   * @param {boolean} [awaited]  somebody is there of whom the server tells in a moment
   * @returns {Promise<unknown>} resolves when what others wait for, descriptions and addresses, is on its way
   */
  enter(room, awaited = false) {
    this.o.room = room.room;
    if (room.peers.length > 1) this.#links.forget();
    const present = new Set(room.peers.map((peer) => peer.peer));
    for (const [id, member] of this.#members) {
      if (!present.has(id)) this.#vanish(member, "timeout");
      else this.#resync(member, true);
    }
    for (const peer of room.peers) this.#add(peer);
    const links = [...this.#members.values()].map(({ link }) => link).filter(({ initiator }) => initiator || this.o.answer);
    this.o.answer = false;
    if (this.#links.stored) this.#links.ahead?.resync();
    else if (!awaited && !this.#store()) this.#links.close();
    this.#changed();
    const early = this.#early ?? [];
    this.#early = null;
    for (const act of early) act();
    return Promise.all(links.map(({ gathered }) => gathered));
  }

  /** Now, or as soon as this person is in. @param {() => void} act */
  #inside(act) {
    if (!this.#early) act();
    else if (this.#early.length < MOST_EARLY) this.#early.push(act);
  }

  /** @returns {boolean} whether an offer waits for whoever comes */
  #store() {
    const alone = this.o.stored === true && !this.#members.size && !this.#parted.size;
    if (alone) this.#links.store();
    return alone;
  }

  /** The socket had to be replaced, as after a change of the network: what was made ahead goes by addresses of before. */
  renew() {
    this.#links.renew();
    this.#doubt((member) => member.replaced());
    this.#look();
  }

  /** Makes a link before the server has said who is there: should this side offer, it has its addresses by then. */
  hurry() {
    this.#links.hurry();
  }

  /**
   * Says something to one member over ctl.
   * @param {string} id @param {string} t @param {object} [fields]
   * @returns {boolean} false: not sent, and will not be
   */
  send(id, t, fields) {
    return this.#members.get(id)?.link.ctl.send(t, fields) ?? false;
  }

  /** @param {string} id @returns {RTCDataChannel | null} the bulk channel to a member, while it is open */
  bulk(id) {
    const { ctl } = this.#members.get(id)?.link ?? {};
    return ctl?.open ? ctl.bulk : null;
  }

  /** @param {string} id @returns {number} bytes of the largest message that a member takes; 0 while that is not known */
  largest(id) {
    return this.#members.get(id)?.link.pc.sctp?.maxMessageSize ?? 0;
  }

  /** A track was switched on, off or replaced. @param {import("./layout.js").Slot} slot */
  async trackChanged(slot) {
    const track = this.o.tracks()[slot];
    // A connection that is closed takes none; the next one begins with what is sent by then.
    await Promise.all(this.#every.map((link) => link.replaceTrack(slot, track).catch((error) => this.#events.emit("error", error))));
    this.#share(); // another track may have another size
  }

  /** What the page shows of a member; the other side sends no more. @param {string} id @param {import("./want.js").Want} want */
  want(id, want) {
    this.#members.get(id)?.want(want);
  }

  /** How much this person wants to send. @param {import("./uplink.js").DataUse} use */
  setDataUse(use) {
    this.#uplink.use = use;
    this.#share();
  }

  /** @param {import("./codecs.js").Codec} codec  for pictures */
  setCodec(codec) {
    this.o.codec = codec;
    for (const link of this.#every) link.prefer();
  }

  /** Somebody does not want to wait for the next try. @param {string} id */
  retry(id) {
    this.journal.add("retry", id);
    this.#members.get(id)?.retry();
  }

  /** The safety code was compared. @param {string} id @param {boolean} same */
  confirm(id, same) {
    this.journal.add(same ? "codes equal" : "codes differ", id);
    this.#members.get(id)?.trust.confirm(same);
  }

  /** The network may have changed, or the machine was asleep. */
  wake() {
    this.#doubt((member) => member.hurry());
  }

  /** @param {(member: Member) => void} ask  of those that are not given up yet */
  #doubt(ask) {
    for (const member of this.#members.values()) {
      if (member.phase === "lost" || member.phase === "failed") this.retry(member.peer.peer);
      else ask(member);
    }
  }

  /** Tells everybody anew what is on and what is off. */
  stateChanged() {
    for (const { link } of this.#members.values()) link.sendState();
  }

  /** @param {Ice} ice  fresh servers; they count from the next gathering on */
  setIce(ice) {
    this.o.ice = ice;
    for (const link of this.#every) link.configure();
  }

  /** What is stored goes by the old ones. @param {Ice} ice */
  #fresh(ice) {
    this.setIce(ice);
    this.#links.renew();
  }

  /** @param {boolean} on  send everything through the relay */
  setRelayOnly(on) {
    if (this.o.relayOnly === on) return;
    this.o.relayOnly = on;
    this.journal.add(on ? "relay only" : "relay or direct");
    this.#links.renew();
    for (const { link } of this.#members.values()) {
      // A browser stays with a direct way that works, whatever it is told: only a new
      // connection leaves it. Back to a direct way it goes by itself.
      if (on) link.rebuild({ tell: true });
      else {
        link.configure();
        link.restartIce();
      }
    }
  }

  /** @param {string} reason  said to everybody */
  close(reason) {
    clearInterval(this.#timer);
    for (const off of this.#off) off();
    this.#links.close();
    for (const member of this.#members.values()) member.close(reason);
    this.#members.clear();
  }

  /** @param {import("../net/types.js").RoomPeer} peer */
  #add(peer) {
    if (peer.peer === this.o.self) return;
    const known = this.#members.get(peer.peer);
    if (known) {
      known.peer = peer;
      // What was said while the person was not back yet went nowhere.
      if (known.gone) this.#resync(known, false);
      known.gone = false;
      return;
    }
    const member = new Member(peer, this.#links.to(peer.peer));
    this.#members.set(peer.peer, member);
    this.#follow(member);
    this.journal.add("here", peer.peer);
    this.#events.emit("joined", member.view);
  }

  /**
   * The server has forgotten what was said, and the relays that it carried: no need to wait until they are missed.
   * @param {Member} member @param {boolean} late  this side is the later one to come back, and begins
   */
  #resync(member, late) {
    member.link.resync();
    if (late && member.path?.kind === "relayed") member.link.restartIce();
  }

  /** @param {Member} member */
  #follow(member) {
    const id = member.peer.peer;
    member.link.on("open", () => this.#events.emit("open", member.view));
    member.link.on("message", (message) => this.#events.emit("message", { id, message }));
    member.link.on("held", (on) => on && this.journal.add("starts over too often", id));
    member.link.on("bulk", (data) => this.#events.emit("bulk", { id, data }));
    member.on("change", () => this.#changed());
    member.on("measured", () => this.#share());
    member.on("want", () => this.#share());
    member.on("back", () => this.#uplink.renew(member));
    member.on("bye", () => {
      this.#parted.add(id);
      this.#remove(member, "left");
    });
    member.on("error", (error) => this.#events.emit("error", error));
    this.#repair.follow(member);
  }

  #share() {
    this.#uplink.share([...this.#members.values()], this.o.tracks(), this.now());
  }

  /** @param {import("../net/types.js").SignalEvent} frame */
  #signal({ room, from, data }) {
    if (room === this.o.room) this.#members.get(from)?.link.signal(data);
  }

  /** @param {import("../net/types.js").RoomPeerEvent} frame */
  #moved({ room, ev, peer, reason }) {
    if (room !== this.o.room || peer.peer === this.o.self) return;
    const member = this.#members.get(peer.peer);
    if (ev === "away" && this.#parted.has(peer.peer)) return;
    this.#parted.delete(peer.peer);
    if (ev === "leave") {
      if (!member) return void this.#store();
      if (GONE.has(reason ?? "")) this.#remove(member, reason ?? "left");
      else this.#vanish(member, "timeout");
    } else {
      // Someone who joins anew under the same id has nothing left of the old link.
      if (ev === "join" && member && !member.gone) this.#remove(member, "left");
      this.#add(ev === "away" ? { ...peer, away: true } : peer);
    }
    this.#changed();
  }

  /**
   * The server has lost this person. While media comes, or may come back soon, the person is there.
   * @param {Member} member @param {string} reason
   */
  #vanish(member, reason) {
    if (member.phase === "connecting" || member.phase === "failed") return this.#remove(member, reason);
    member.gone = true;
    this.#changed();
  }

  /** @param {Member} member @param {string} reason */
  #remove(member, reason) {
    if (!this.#members.delete(member.peer.peer)) return;
    const view = member.view;
    this.journal.leave(view, reason);
    member.close();
    this.#events.emit("left", { view, reason });
    this.#store();
    this.#share();
    this.#changed();
  }

  #look() {
    this.#links.look(this.now());
    for (const member of this.#members.values()) {
      member.look().catch((error) => this.#events.emit("error", error));
    }
  }

  /** Many changes in one turn are told once. */
  #changed() {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      this.#events.emit("change", undefined);
    });
  }
}
