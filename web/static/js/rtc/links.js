import { configOf } from "./config.js";
import { Peer } from "./peer.js";

/** Whoever comes first, in the room's mailbox. */
const ANYBODY = "*";

/** How long an offer waits, and with it this side's relay, in milliseconds: as long as one on the board. */
const WAIT_MS = 600_000;

/** Makes the links of one call, and keeps one that was made ahead for somebody who is not known yet. */
export class Links {
  /** @type {Peer | null} */
  ahead = null;
  /** An offer waited, and whoever comes may still be told of it: only another one of ours makes that good. */
  #owed = false;

  /** @param {import("./mesh.js").MeshOptions} options  read whenever a link is made */
  constructor(options) {
    this.o = options;
  }

  /** Looks for the addresses of a connection while the server is still asked who is there. */
  hurry() {
    this.ahead = this.#make("", true);
  }

  /** Leaves an offer in the mailbox of the room: nobody else is there. */
  store() {
    if (this.stored) return;
    this.ahead ??= this.#make("", true);
    this.ahead.adopt(ANYBODY);
  }

  /** Whether others may have the offer of the one made ahead already. */
  get stored() {
    return this.ahead?.id === ANYBODY;
  }

  /** What was made ahead goes by addresses, servers or wishes of before. */
  renew() {
    if (this.#withdraw()) return this.store();
    if (!this.ahead) return;
    this.close();
    this.hurry();
  }

  /** Nobody has come for long: lets the relay go. @param {number} now */
  look(now) {
    if (this.ahead && now - this.ahead.since > WAIT_MS) this.#withdraw();
  }

  /** The room is another one by now: what was stored in it is not there. */
  forget() {
    if (this.stored) this.close();
  }

  /** @param {string} id @returns {Peer} the one made ahead, or a new one */
  to(id) {
    const { ahead, o } = this;
    const initiator = this.stored || this.#owed || (o.self > id && !o.answer);
    this.#owed = false;
    if (!ahead || !initiator) return this.#make(id, initiator);
    this.ahead = null;
    ahead.adopt(id);
    return ahead;
  }

  /** Nobody is to take it. */
  close() {
    this.ahead?.close();
    this.ahead = null;
  }

  /** @returns {boolean} whether there was anything to take back */
  #withdraw() {
    if (!this.stored) return false;
    this.close();
    this.#owed = true;
    this.o.session.post("signal", { room: this.o.room, to: ANYBODY, data: null }, () => {}); // somebody has it already
    return true;
  }

  /** @param {string} id @param {boolean} initiator @returns {Peer} */
  #make(id, initiator) {
    const { o } = this;
    /** @type {Peer} */
    const link = new Peer({
      self: o.self,
      id,
      initiator,
      config: (relay) => configOf(o.ice, { relayOnly: o.relayOnly, relay, certificates: o.certificates }),
      tracks: o.tracks,
      state: o.state,
      codec: () => o.codec ?? "auto",
      send: (data) => this.#send(link, data),
      RTCPeerConnection: o.RTCPeerConnection,
      now: o.now,
    });
    return link;
  }

  /** @param {Peer} link @param {import("../net/types.js").SignalData} data */
  #send(link, data) {
    const { session, room } = this.o;
    const to = link.id;
    const refused = (/** @type {{code: string}} */ { code }) => {
      if (code === "lost" || code === "closed") return; // with the room: all is said again in the next
      // Who came while it was on its way took the offer without it; by now it is known who that is.
      if (link.id !== ANYBODY) this.#send(link, data);
      else if (link === this.ahead) this.#withdraw();
    };
    session.post("signal", { room, to, data }, to === ANYBODY ? refused : undefined);
  }
}
