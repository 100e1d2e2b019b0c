import { configOf } from "./config.js";
import { Peer } from "./peer.js";

/** Whoever comes first, in the room's mailbox. */
const ANYBODY = "*";

/** Makes the links of one call, and keeps one that was made ahead for somebody who is not known yet. */
export class Links {
  /** @type {Peer | null} */
  ahead = null;

  /** @param {import("./mesh.js").MeshOptions} options  read whenever a link is made */
  constructor(options) {
    this.o = options;
  }

  /** Leaves an offer in the mailbox of the room. */
  store() {
    this.ahead = this.#make(ANYBODY, true);
  }

  /** Describes a connection and looks for its addresses while the server is still asked who is there. */
  hurry() {
    this.ahead = this.#make("", true);
  }

  /** @param {string} id @returns {Peer} the one made ahead, where this side begins, or a new one */
  to(id) {
    const { ahead, o } = this;
    const begins = ahead?.id === ANYBODY || (o.self > id && !o.answer);
    if (!ahead || !begins) return this.#make(id, o.answer ? false : undefined);
    this.ahead = null;
    ahead.adopt(id);
    return ahead;
  }

  /** It is known who is there: lets go of what nobody took. */
  settle() {
    if (this.stored) return;
    this.ahead?.close();
    this.ahead = null;
  }

  /** Whether others may have the offer of the one made ahead already. */
  get stored() {
    return this.ahead?.id === ANYBODY;
  }

  /** @param {string} id @param {boolean} [initiator] @returns {Peer} */
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
      send: (data) => o.session.post("signal", { room: o.room, to: link.id, data }),
      RTCPeerConnection: o.RTCPeerConnection,
      now: o.now,
    });
    return link;
  }
}
