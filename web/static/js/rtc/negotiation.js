/**
 * @typedef {import("../net/types.js").SignalData} SignalData
 * @typedef {Omit<SignalData, "pc">} Part  a signal without the id of its connection
 *
 * @typedef {object} NegotiationOptions
 * @property {RTCPeerConnection} pc
 * @property {() => boolean} polite           gives way when both offer at once
 * @property {(part: Part) => void} send
 * @property {(candidate: RTCIceCandidate) => void} found  an own address
 * @property {() => void} beforeAnswer        called when an offer has been applied, before it is answered
 * @property {(error: unknown) => void} onError
 */

/** Candidates found within this time after another one travel in one message, which spares mobile radios. */
const BATCH_MS = 20;
/** Candidates of the other side in one message, and before its description: no machine has so many addresses. */
const MOST = 256;

/**
 * Perfect negotiation (W3C webrtc-pc, 10.7) for one RTCPeerConnection. All
 * handling of descriptions runs through one queue, so that no step ever sees
 * the middle of another.
 */
export class Negotiation {
  #queue = Promise.resolve();
  /** This side may offer: it makes the first one, or that has come. */
  #started = false;
  #ignoreOffer = false;
  #closed = false;
  /** @type {(RTCIceCandidateInit | null)[]} remote ones that came before their description */
  #early = [];
  /** @type {RTCIceCandidateInit[]} local ones not sent yet */
  #batch = [];
  /** @type {any} */
  #timer;

  /** @param {NegotiationOptions} options */
  constructor(options) {
    this.o = options;
    options.pc.onnegotiationneeded = () => this.#run(() => this.#offer());
    options.pc.onicecandidate = ({ candidate }) => this.#found(candidate);
  }

  /**
   * Takes what the other side sent for this connection.
   * @param {SignalData} data
   */
  handle(data) {
    const { description, candidates, candidate } = data;
    if (description) this.#run(() => this.#describe(description));
    if (Array.isArray(candidates)) for (const c of candidates.slice(0, MOST)) this.#run(() => this.#add(c));
    if (candidate === null) this.#run(() => this.#add(null));
  }

  /** Makes the first offer now: the browser asks for it only when it has done what else is to be done. */
  begin() {
    this.#started = true;
    this.#run(() => this.#offer());
  }

  /**
   * Says the unanswered offer again: the server was restarted and may have
   * lost it, or nobody was there to hear it. The candidates are in the
   * description by now.
   */
  repeatOffer() {
    this.#run(async () => {
      const { signalingState, localDescription, iceGatheringState } = this.o.pc;
      if (signalingState !== "have-local-offer" || !localDescription) return;
      this.o.send({ description: localDescription });
      if (iceGatheringState === "complete") this.o.send({ candidate: null });
    });
  }

  /** Offers once more, for what no event asks for: another order of codecs. */
  renew() {
    this.#run(() => this.#offer());
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.o.pc.onnegotiationneeded = null;
    this.o.pc.onicecandidate = null;
  }

  /** @param {() => Promise<void>} step */
  #run(step) {
    this.#queue = this.#queue
      .then(() => (this.#closed ? undefined : step()))
      .catch((error) => {
        if (!this.#closed) this.o.onError(error);
      });
  }

  /**
   * The side that does not start ignores its own wish to negotiate until the
   * first offer has come: its data channels raise one at once.
   */
  async #offer() {
    const { pc } = this.o;
    if (!this.#started || pc.signalingState !== "stable") return;
    await pc.setLocalDescription();
    this.#sendLocal();
  }

  /** @param {RTCSessionDescriptionInit} description */
  async #describe(description) {
    const { pc, polite } = this.o;
    const collision = description.type === "offer" && pc.signalingState !== "stable";
    this.#ignoreOffer = collision && !polite();
    if (this.#ignoreOffer) return;
    // An answer to an offer that was taken back has nothing to answer.
    if (description.type === "answer" && pc.signalingState !== "have-local-offer") return;
    await pc.setRemoteDescription(description);
    for (const c of this.#early.splice(0)) await this.#add(c);
    if (description.type !== "offer") return;
    this.o.beforeAnswer();
    this.#started = true;
    await pc.setLocalDescription();
    this.#sendLocal();
  }

  /** @param {RTCIceCandidateInit | null} candidate  null: there are no more */
  async #add(candidate) {
    const { pc } = this.o;
    if (!pc.remoteDescription) return void (this.#early.length < MOST && this.#early.push(candidate));
    try {
      await pc.addIceCandidate(candidate ?? undefined);
    } catch (error) {
      // Older Safari refuses the end-of-candidates mark; candidates of an ignored offer fit nothing.
      if (!this.#ignoreOffer && candidate) throw error;
    }
  }

  #sendLocal() {
    const { localDescription } = this.o.pc;
    if (localDescription) this.o.send({ description: localDescription });
  }

  /** What comes after a pause goes at once: it may be the one that works. @param {RTCIceCandidate | null} candidate */
  #found(candidate) {
    if (candidate?.candidate) {
      this.#batch.push(candidate.toJSON());
      this.o.found(candidate);
    }
    if (candidate && this.#timer !== undefined) return;
    this.#flush();
    if (!candidate) this.o.send({ candidate: null });
  }

  #flush() {
    clearTimeout(this.#timer);
    const candidates = this.#batch.splice(0);
    this.#timer = candidates.length ? setTimeout(() => this.#flush(), BATCH_MS) : undefined;
    if (candidates.length && !this.#closed) this.o.send({ candidates });
  }
}
