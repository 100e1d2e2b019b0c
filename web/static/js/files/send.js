import { FIRST_CHUNK, pack } from "./frame.js";
import { BLOCK, Blocks, digest } from "./hash.js";
import { Window } from "./window.js";

/**
 * One file on its way to one member.
 *
 * @typedef {"offered" | "sending" | "waiting" | "repick" | "declined" | "cancelled" | "failed" | "done"} SendState
 *   waiting: the link is down; repick: after a reload the person has to choose the file again
 *
 * @typedef {object} Link     the way to the member, asked anew each time
 * @property {() => RTCDataChannel | null} bulk
 * @property {() => number} chunk                                   bytes of one frame at most
 * @property {(type: string, fields: object) => boolean} say
 * @property {() => {video: boolean, rtt: number}} call
 * @property {() => void} changed
 * @property {() => number} [now]
 *
 * @typedef {{id: string, handle: number, peer: string, to: string, name: string, size: number, type: string, mtime: number}} Facts
 */

/** What the other side may have received and not written yet: its disk sets the pace too. */
const UNWRITTEN = 16 * 1024 * 1024;
/** A frame that leaves faster than this may be followed by a larger one. */
const QUICK_MS = 50;
/** The channel is asked again at least this often, should it forget to say that it has room. */
const NUDGE_MS = 500;

export class Outgoing {
  /** @type {SendState} */
  state = "offered";
  paused = false;
  /** Why it failed: "read", or what the other side said; else "". */
  problem = "";
  /** Bytes that the other side has written. */
  written = 0;
  #sent = 0;
  #chunk = FIRST_CHUNK;
  #window = new Window();
  #blocks = new Blocks();
  /** Counts the runs of the pump, so that an old one ends when a new one starts. */
  #run = 0;

  /** @param {Facts} facts @param {Blob | null} file  null: to be chosen again @param {Link} link */
  constructor(facts, file, link) {
    Object.assign(this, facts);
    this.facts = facts;
    this.file = file;
    this.link = link;
    this.now = link.now ?? (() => performance.now());
    if (!file) this.state = "repick";
  }

  get live() {
    return this.state === "offered" || this.state === "sending" || this.state === "waiting";
  }

  /** Bytes a second. */
  get rate() {
    return this.state === "sending" && !this.paused ? this.#window.rate : 0;
  }

  /** Says that it is there, once the link is; after a drop the other side knows it and goes on. */
  offer() {
    const { id, handle, name, size, type, mtime } = this.facts;
    if (!this.live) return;
    this.#run++;
    this.#set("offered"); // before it is said: the answer may come at once
    if (!this.link.say("file.offer", { id, handle, name, size, type, mtime })) this.#set("waiting");
  }

  /** The link is down: nothing is lost, it goes on at the next offer. */
  lost() {
    this.#run++;
    if (this.state === "sending" || this.state === "offered") this.#set("waiting");
  }

  /**
   * The other side wants it, from an offset on; the digest of its last block
   * shows whether it has the same file.
   * @param {number} offset @param {string} last
   */
  async accepted(offset, last) {
    if (!this.live || !this.file) return;
    const run = ++this.#run;
    const same = offset > 0 && offset <= this.facts.size && offset % BLOCK === 0 && (await this.#knows(offset / BLOCK - 1, last));
    if (run !== this.#run) return;
    const whole = offset === this.facts.size && (await this.#knows(Math.ceil(offset / BLOCK) - 1, last));
    if (run !== this.#run) return;
    const from = same || whole ? offset : 0;
    this.#sent = this.written = from;
    // In the channel of the bytes, since the other one may be slower or faster.
    this.link.bulk()?.send(pack(this.facts.handle, from, new ArrayBuffer(0)));
    this.#set("sending");
    await this.#pump(run).catch(() => run === this.#run && this.fail());
  }

  /** @param {number} index  of a block @param {string} sum */
  async #knows(index, sum) {
    if (index < 0 || !this.file) return false;
    const bytes = await this.file.slice(index * BLOCK, (index + 1) * BLOCK).arrayBuffer();
    this.#blocks.set(index, await digest(bytes));
    return this.#blocks.get(index) === sum;
  }

  /** @param {number} offset  up to which the other side has written */
  acknowledged(offset) {
    if (this.state !== "sending" || !(offset > this.written) || offset > this.#sent) return;
    this.written = offset;
    this.#wake?.();
    this.link.changed();
  }
  /** @type {(() => void) | null} */
  #wake = null;

  /** @param {boolean} on */
  pause(on) {
    this.paused = on;
    this.#wake?.();
    this.link.changed();
  }

  /** @param {SendState} state  how it ends */
  end(state) {
    if (!this.live && this.state !== "repick") return;
    this.#run++;
    this.#wake?.();
    this.#set(state);
  }

  fail() {
    this.problem = "read";
    this.link.say("file.cancel", { id: this.facts.id, reason: "read" });
    this.end("failed");
  }

  /** The person has chosen the file again. @param {File} file @returns {boolean} whether it is the same */
  repicked(file) {
    const { size, mtime } = this.facts;
    if (this.state !== "repick" || file.size !== size || file.lastModified !== mtime) return false;
    this.file = file;
    this.#set("waiting");
    this.offer();
    return true;
  }

  /** @param {SendState} state */
  #set(state) {
    this.state = state;
    this.link.changed();
  }

  /** @param {number} run */
  async #pump(run) {
    const { size, id, handle } = this.facts;
    const file = /** @type {Blob} */ (this.file);
    const read = (/** @type {number} */ from) => file.slice(from, Math.min(from + BLOCK, size)).arrayBuffer();
    let next = read(this.#sent);
    while (this.#sent < size && run === this.#run) {
      const start = this.#sent;
      const bytes = await next;
      next = read(start + bytes.byteLength); // read ahead while this one leaves
      next.catch(() => {}); // heard when it is waited for, if it still is
      const sum = digest(bytes);
      for (let at = 0; at < bytes.byteLength && run === this.#run; ) {
        if (!(await this.#room(run))) return;
        const part = bytes.slice(at, at + Math.min(this.#chunk, this.link.chunk()));
        this.link.bulk()?.send(pack(handle, start + at, part));
        at += part.byteLength;
        this.#sent = start + at;
      }
      this.#blocks.set(start / BLOCK, await sum);
    }
    if (run !== this.#run) return;
    await this.#blocks.fill(size, (from, to) => file.slice(from, to).arrayBuffer());
    if (run === this.#run) this.link.say("file.done", { id, sha256: await this.#blocks.total() });
  }

  /** Waits until a frame may be sent. @param {number} run @returns {Promise<boolean>} false: not in this run */
  async #room(run) {
    for (;;) {
      const channel = this.link.bulk();
      if (run !== this.#run || !channel) return false;
      this.#window.look(this.now(), this.link.call());
      const full = channel.bufferedAmount > this.#window.size || this.#sent - this.written > UNWRITTEN;
      if (!full && !this.paused) return true;
      await this.#drained(channel);
    }
  }

  /** @param {RTCDataChannel} channel */
  async #drained(channel) {
    const [start, before] = [this.now(), channel.bufferedAmount];
    channel.bufferedAmountLowThreshold = Math.round(this.#window.size / 4);
    await new Promise((done) => {
      const wake = () => {
        clearTimeout(timer);
        channel.removeEventListener("bufferedamountlow", wake);
        this.#wake = null;
        done(undefined);
      };
      const timer = setTimeout(wake, NUDGE_MS);
      this.#wake = wake;
      channel.addEventListener("bufferedamountlow", wake);
    });
    const ms = this.now() - start;
    const left = before - channel.bufferedAmount;
    if (left <= 0 || this.paused) return;
    this.#window.measured(left, ms);
    if (ms < QUICK_MS) this.#chunk = Math.min(this.#chunk * 2, this.link.chunk());
  }
}
