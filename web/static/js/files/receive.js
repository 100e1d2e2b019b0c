import { BLOCK, Blocks, digest } from "./hash.js";

/**
 * One file on its way from one member.
 *
 * @typedef {import("./sink.js").Sink} Sink
 * @typedef {"offered" | "receiving" | "waiting" | "checking" | "declined" | "cancelled" | "failed" | "done"} ReceiveState
 *   waiting: the link is down, or the sender is away
 * @typedef {import("./send.js").Facts} Facts
 *
 * @typedef {object} Way
 * @property {(type: string, fields: object) => boolean} say
 * @property {() => void} changed
 * @property {() => number} [now]
 */

/** Confirmations are small but share their channel with everything else that is said. */
const ACK_MS = 250;
/** Bytes that may wait for a slow disk: a sender that keeps to what is confirmed never has so many under way. */
const MOST_WAITING = 32 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

export class Incoming {
  /** @type {ReceiveState} */
  state = "offered";
  paused = false;
  /** Why it failed: "hash", "space", "disk", "read", or "". */
  problem = "";
  /** Bytes that are written. */
  written = 0;
  /** @type {Blob | null} to be downloaded, when it is done */
  result = null;
  /** @type {Sink | null} */
  sink = null;
  #blocks = new Blocks();
  /** What has arrived of the block that is being filled; no room is held for what nobody has accepted. */
  #block = NOTHING;
  #filled = 0;
  #started = false;
  /** What the whole must be, once the sender has sent it; the last bytes may come after that word. */
  #sum = "";
  /** Bytes that have arrived. */
  #arrived = 0;
  /** Of those, still in the queue below. */
  #queued = 0;
  /** Everything that touches the sink, one after the other. */
  #work = Promise.resolve();
  /** @type {any} */
  #timer = null;
  #rate = { at: 0, written: 0, value: 0 };

  /** @param {Facts} facts @param {Way} way */
  constructor(facts, way) {
    this.facts = facts;
    this.way = way;
    this.now = way.now ?? (() => performance.now());
  }

  get live() {
    return this.state === "receiving" || this.state === "waiting" || this.state === "checking";
  }

  /** Bytes a second. */
  get rate() {
    return this.state === "receiving" && !this.paused ? this.#rate.value : 0;
  }

  /** The person wants it. @param {Sink} sink */
  async accept(sink) {
    await this.restore(sink);
    this.resume();
  }

  /** Goes on from what is there already, once the sender is. @param {Sink} sink */
  async restore(sink) {
    this.sink = sink;
    this.#block = new Uint8Array(BLOCK);
    const kept = Math.floor(sink.size / BLOCK) * BLOCK;
    this.written = sink.size > kept ? await sink.cut(kept) : kept;
    if (sink.read) await this.#blocks.fill(this.written, sink.read);
    this.#set("waiting");
  }

  /** Asks the sender to go on where this side is. */
  resume() {
    if (!this.live || !this.sink) return;
    this.#queue(async () => {
      this.#started = false;
      this.#filled = 0;
      this.#sum = "";
      if (this.state === "waiting") this.#set("receiving");
      const last = Math.ceil(this.written / BLOCK) - 1;
      this.way.say("file.accept", { id: this.facts.id, offset: this.written, last: last < 0 ? "" : this.#blocks.get(last) });
    });
  }

  lost() {
    if (this.state === "receiving") this.#set("waiting");
  }

  /** The sender starts: here, or all over again if it has another file by now. @param {number} offset */
  started(offset) {
    this.#queue(async () => {
      if (this.state !== "receiving" || !this.sink || !Number.isSafeInteger(offset) || offset < 0 || offset > this.written) return;
      if (offset < this.written) {
        this.written = await this.sink.cut(offset);
        this.#blocks.cut(Math.ceil(this.written / BLOCK));
        if (this.written !== offset) return this.resume();
      }
      this.#arrived = offset;
      this.#filled = 0;
      this.#started = true;
      await this.#check();
    });
  }

  /** @param {number} offset @param {Uint8Array<ArrayBuffer>} bytes */
  take(offset, bytes) {
    const { byteLength } = bytes;
    if (this.#queued + byteLength > MOST_WAITING) return;
    this.#queued += byteLength;
    this.#queue(() => {
      this.#queued -= byteLength;
      return this.#take(offset, bytes);
    });
  }

  /** @param {number} offset @param {Uint8Array<ArrayBuffer>} bytes */
  async #take(offset, bytes) {
    if (this.state !== "receiving" || !this.#started || offset !== this.#arrived || offset + bytes.byteLength > this.facts.size) return;
    this.#arrived += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; ) {
      const part = bytes.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.byteLength;
      at += part.byteLength;
      if (this.#filled === BLOCK || this.#arrived === this.facts.size && at === bytes.byteLength) await this.#write();
    }
  }

  async #write() {
    const block = this.#block.subarray(0, this.#filled);
    const index = this.written / BLOCK;
    const [sum] = await Promise.all([digest(block), this.sink?.write(block)]);
    this.#blocks.set(index, sum);
    this.written += this.#filled;
    this.#filled = 0;
    this.#confirm();
    await this.#check();
  }

  /** Tells how far it is, now and then. */
  #confirm() {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#measure();
      if (this.state === "receiving") this.way.say("file.ack", { id: this.facts.id, offset: this.written });
      this.way.changed();
    }, ACK_MS);
  }

  #measure() {
    const now = this.now();
    const { at, written, value } = this.#rate;
    const fresh = at && now > at ? Math.max(0, ((this.written - written) * 1000) / (now - at)) : value;
    this.#rate = { at: now, written: this.written, value: value ? value * 0.7 + fresh * 0.3 : fresh };
  }

  /** The sender has sent everything: is it what it sent? @param {unknown} sum */
  complete(sum) {
    this.#sum = String(sum);
    this.#queue(() => this.#check());
  }

  /** Is everything here, and is it what was sent? */
  async #check() {
    if (this.state !== "receiving" || !this.sink || !this.#sum || !this.#started || this.written !== this.facts.size) return;
    this.#set("checking");
    if ((await this.#blocks.total()) !== this.#sum) return this.fail("hash");
    this.result = await this.sink.finish();
    this.#block = NOTHING;
    this.way.say("file.saved", { id: this.facts.id });
    this.#set("done");
  }

  /** @param {boolean} on */
  pause(on) {
    this.paused = on;
    this.way.changed();
  }

  /** @param {ReceiveState} state  how it ends, without a file */
  end(state) {
    if (this.state !== "offered" && !this.live) return;
    this.#started = false;
    this.#set(state);
    const { sink } = this;
    this.sink = null;
    const clear = () => {
      this.#block = NOTHING;
      return sink?.discard();
    };
    void this.#work.then(clear).catch(() => {});
  }

  /** @param {string} problem */
  fail(problem) {
    this.problem = problem;
    this.way.say("file.cancel", { id: this.facts.id, reason: problem });
    this.end("failed");
  }

  /** @param {() => Promise<void> | void} step */
  #queue(step) {
    // Browsers tell a page less space or more than there is: only writing shows it.
    this.#work = this.#work.then(step).catch((error) => this.fail(error?.name === "QuotaExceededError" ? "space" : "disk"));
  }

  /** @param {ReceiveState} state */
  #set(state) {
    this.state = state;
    this.way.changed();
  }
}
