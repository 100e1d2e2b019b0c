import { fingerprintsOf, SafetyCode } from "./sas.js";

/**
 * @typedef {object} Safety        what a page shows of it
 * @property {import("./sas.js").SafetyState} state
 * @property {number[]} code       four numbers below 64 while ready
 * @property {boolean} verified    this person has compared the pictures and found them equal
 */

/**
 * Who the other side of a link is: runs one comparison on each new connection,
 * and remembers for this call that a person has found it right.
 */
export class Trust {
  /** @type {SafetyCode | null} */
  #safety = null;
  /** The fingerprint that was found right: a new connection with the same certificate needs no new look. */
  #verified = "";

  /** @param {import("./peer.js").Peer} link @param {() => void} changed */
  constructor(link, changed) {
    this.link = link;
    this.changed = changed;
    link.on("open", () => this.#current());
    link.on("message", (message) => {
      if (message.t === "sas.commit" || message.t === "sas.reveal") void this.#current().handle(message);
    });
    link.on("connection", (state) => {
      if (state === "new") this.#safety = null;
    });
  }

  /** @returns {Safety} */
  get view() {
    const { state = "waiting", code = [], remote = "" } = this.#safety ?? {};
    return { state, code, verified: state === "ready" && remote !== "" && remote === this.#verified };
  }

  /** The pictures were compared. @param {boolean} same */
  confirm(same) {
    const { state, remote = "" } = this.#safety ?? {};
    this.#verified = same && state === "ready" ? remote : "";
    this.link.ctl.send("sas.result", { ok: same });
    this.changed();
  }

  /** The other side may be quicker to say something than we to hear that the channel is open. @returns {SafetyCode} */
  #current() {
    const { pc, ctl } = this.link;
    this.#safety ??= new SafetyCode({
      fingerprints: () => fingerprintsOf(pc),
      send: (t, fields) => ctl.send(t, fields),
      changed: this.changed,
    });
    return this.#safety;
  }
}
