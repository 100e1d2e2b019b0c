import { Emitter } from "../net/emitter.js";
import { largestChunk, unpack } from "./frame.js";
import { safeName } from "./name.js";
import { Incoming } from "./receive.js";
import { Outgoing } from "./send.js";

/**
 * The files under way in one room: each from one member to another, over their
 * own link; the server never sees them.
 *
 *     file.offer {id, handle, name, size, type, mtime}      sender: here it is; again after each new connection
 *     file.accept {id, offset, last}  file.decline {id}     receiver: from there on; last: digest of its last block
 *     file.ack {id, offset}                                 receiver: written up to there
 *     file.pause {id, on}  file.cancel {id, reason}         either; again after each new connection
 *     file.done {id, sha256}  file.saved {id}
 *
 * @typedef {import("../chat/chat.js").ChatCall & {bulk: (id: string) => RTCDataChannel | null, largest: (id: string) => number}} FileCall
 * @typedef {import("./send.js").Facts} Facts
 *
 * @typedef {object} Row        what a page shows of one transfer
 * @property {string} key
 * @property {boolean} out
 * @property {string} name
 * @property {string} who       the other side
 * @property {number} size
 * @property {number} done      bytes
 * @property {number} rate      bytes a second
 * @property {string} state     of send.js or receive.js
 * @property {boolean} paused
 * @property {string} problem
 * @property {Blob | null} result
 *
 * @typedef {object} FilesOptions
 * @property {FileCall} call
 * @property {() => string} room                    known from the first member on
 * @property {() => boolean} video                   whether a picture is being sent
 * @property {import("./memory.js").Memory} memory
 * @property {(folder: string) => Promise<import("./sink.js").Sink>} stored   what is left of an interrupted file
 * @property {(id: string) => string} folder
 */

/** Offers of one member that may wait for an answer or have come to nothing; more are declined by themselves, so that nobody can ask without end. */
const MAX_OFFERS = 60;
/** Why one side could not go on, as it tells the other. */
const PROBLEMS = new Set(["hash", "disk", "read", "space", "large"]);
/** States after which nothing more happens. */
const OVER = new Set(["declined", "cancelled", "failed", "done"]);

const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const newHandle = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

export class Files {
  /** @type {Emitter<{change: void, offered: Row}>} */
  #events = new Emitter();
  /** @type {Map<string, {facts: Facts, part: Outgoing | Incoming, folder: string, paused: {here: boolean, there: boolean}}>} */
  #all = new Map();
  /** @type {(() => void)[]} */
  #off;

  /** @param {FilesOptions} options */
  constructor(options) {
    this.o = options;
    const { call } = options;
    const on = (/** @type {string} */ type, /** @type {(message: any, peer: string) => void} */ fn) => call.onMessage(type, fn);
    this.#off = [
      call.on("open", ({ id }) => this.#opened(id)),
      call.on("left", ({ view }) => this.#each(view.id, ({ part }) => part.lost())),
      call.on("bulk", ({ id, data }) => this.#bytes(id, data)),
      on("file.offer", (message, peer) => this.#offered(message, peer)),
      on("file.accept", ({ id, offset, last }, peer) => this.#accepted(id, peer, Number(offset), String(last))),
      on("file.decline", ({ id }, peer) => this.#out(id, peer)?.end("declined")),
      on("file.ack", ({ id, offset }, peer) => this.#out(id, peer)?.acknowledged(Number(offset))),
      on("file.saved", ({ id }, peer) => this.#saved(id, peer)),
      on("file.done", ({ id, sha256 }, peer) => this.#in(id, peer)?.complete(sha256)),
      on("file.pause", ({ id, on }, peer) => this.#pausedThere(id, peer, on === true)),
      on("file.cancel", ({ id, reason }, peer) => this.#cancelledThere(id, peer, String(reason))),
    ];
  }

  /**
   * @template {"change" | "offered"} K
   * @param {K} name @param {(value: {change: void, offered: Row}[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** @returns {Row[]} in the order in which they came */
  get rows() {
    return [...this.#all].map(([key, { facts, part }]) => ({
      key, out: part instanceof Outgoing, name: facts.name, who: facts.to, size: facts.size, done: part.written, rate: part.rate,
      state: part.state, paused: part.paused, problem: part.problem, result: part instanceof Incoming ? part.result : null,
    }));
  }

  /** Whether leaving now would interrupt something. */
  get busy() {
    return this.rows.some(({ state }) => state === "sending" || state === "receiving" || state === "checking");
  }

  /** Offers files to everybody in the room. @param {File[]} files @returns {boolean} false: nobody is there */
  offer(files) {
    for (const file of files) {
      for (const { id: peer, name: to } of this.o.call.views) {
        const facts = { id: newId(), handle: newHandle(), peer, to, name: safeName(file.name), size: file.size, type: file.type, mtime: file.lastModified };
        const part = new Outgoing(facts, file, this.#link(peer));
        this.#add(facts, part);
        part.offer(); // what is under way already is left alone
      }
    }
    this.#changed();
    return this.o.call.views.length > 0;
  }

  /** @param {string} key @param {import("./sink.js").Sink} sink */
  async accept(key, sink) {
    const part = this.#all.get(key)?.part;
    if (part instanceof Incoming && part.state === "offered") await part.accept(sink);
    else await sink.discard();
  }

  /** @param {string} key @returns {{name: string, size: number, folder: string} | null} what a place is needed for */
  wanted(key) {
    const item = this.#all.get(key);
    return item ? { name: item.facts.name, size: item.facts.size, folder: item.folder } : null;
  }

  /** @param {string} key */
  decline(key) {
    const item = this.#all.get(key);
    if (!(item?.part instanceof Incoming)) return;
    this.o.call.send(item.facts.peer, "file.decline", { id: item.facts.id });
    item.part.end("declined");
  }

  /** @param {string} key @param {string} [problem]  why it cannot be taken */
  cancel(key, problem = "") {
    const item = this.#all.get(key);
    if (!item) return;
    this.o.call.send(item.facts.peer, "file.cancel", { id: item.facts.id, reason: problem || "cancelled" });
    item.part.problem = problem;
    item.part.end(problem ? "failed" : "cancelled");
  }

  /** @param {string} key @param {boolean} on */
  pause(key, on) {
    const item = this.#all.get(key);
    if (!item) return;
    item.paused.here = on;
    item.part.pause(item.paused.here || item.paused.there);
    this.o.call.send(item.facts.peer, "file.pause", { id: item.facts.id, on });
  }

  /** After a reload: the person chose the file again. @param {string} key @param {File} file @returns {boolean} whether it is the same */
  repick(key, file) {
    const part = this.#all.get(key)?.part;
    return part instanceof Outgoing && part.repicked(file);
  }

  /** Takes one that is over out of the list. @param {string} key @returns {string} the folder that it used */
  dismiss(key) {
    const item = this.#all.get(key);
    if (!item || !OVER.has(item.part.state)) return "";
    this.#all.delete(key);
    this.#changed();
    return item.folder;
  }

  /** The call is over; what was under way may go on in another one. */
  close() {
    for (const off of this.#off) off();
    for (const { part } of this.#all.values()) {
      // Only what is in private storage is found again; any other place must not stay open.
      if (part instanceof Incoming && part.sink && part.sink.kind !== "opfs") part.end("cancelled");
      else part.lost();
    }
    this.#save();
    this.#closed = true;
  }

  /** @param {Facts} facts @param {Outgoing | Incoming} part @param {string} [folder] */
  #add(facts, part, folder = this.o.folder(facts.id)) {
    const item = { facts, part, folder, paused: { here: false, there: false } };
    this.#all.set(keyOf(facts.peer, facts.id), item);
    return item;
  }

  /** @param {string} peer @returns {import("./send.js").Link} */
  #link(peer) {
    const { call, video } = this.o;
    const view = () => /** @type {any} */ (call.views.find(({ id }) => id === peer));
    return {
      bulk: () => call.bulk(peer),
      chunk: () => largestChunk(call.largest(peer)),
      say: (type, fields) => call.send(peer, type, fields),
      call: () => ({ video: video() || view()?.state?.cam === true, rtt: view()?.figures?.rtt ?? NaN }),
      changed: () => this.#changed(),
    };
  }

  /** @param {string} peer @returns {import("./receive.js").Way} */
  #way(peer) {
    return { say: (type, fields) => this.o.call.send(peer, type, fields), changed: () => this.#changed() };
  }

  /** @param {string} peer @param {(item: {facts: Facts, part: Outgoing | Incoming, paused: {here: boolean}}) => void} fn */
  #each(peer, fn) {
    for (const item of this.#all.values()) if (item.facts.peer === peer) fn(item);
  }

  /** @param {unknown} id @param {string} peer */
  #out(id, peer) {
    const part = this.#all.get(keyOf(peer, String(id)))?.part;
    return part instanceof Outgoing ? part : null;
  }

  /** @param {unknown} id @param {string} peer */
  #in(id, peer) {
    const part = this.#all.get(keyOf(peer, String(id)))?.part;
    return part instanceof Incoming ? part : null;
  }

  /** A new connection: senders say again what they have, and both what was said while there was none. @param {string} peer */
  #opened(peer) {
    this.#remember();
    this.#each(peer, ({ facts: { id }, part, paused }) => {
      if (part instanceof Outgoing) {
        part.lost();
        part.offer();
        this.#recall(part);
      }
      if (part.live) this.o.call.send(peer, "file.pause", { id, on: paused.here });
    });
  }

  /** Says that it will not come, if so. @param {Outgoing} part */
  #recall({ facts: { peer, id }, state, problem }) {
    if (state === "cancelled" || state === "failed") this.o.call.send(peer, "file.cancel", { id, reason: problem || "cancelled" });
  }

  /** @param {unknown} id @param {string} peer @param {number} offset @param {string} last */
  #accepted(id, peer, offset, last) {
    const part = this.#out(id, peer);
    if (!part) return;
    void part.accepted(offset, last);
    this.#recall(part); // the other side may have wanted it before it heard
  }

  /** @param {any} message @param {string} peer */
  #offered(message, peer) {
    const facts = readOffer(message, peer, this.o.call.views.find(({ id }) => id === peer)?.name ?? "");
    if (!facts) return;
    this.#remember(); // the other side may have found the link open first
    const known = this.#all.get(keyOf(peer, facts.id));
    if (known) {
      if (!(known.part instanceof Incoming)) return;
      known.facts.handle = facts.handle;
      // The word about its end was lost with the old connection.
      if (OVER.has(known.part.state)) return void this.o.call.send(peer, known.part.state === "done" ? "file.saved" : "file.decline", { id: facts.id });
      if (known.facts.size === facts.size) known.part.resume();
      return;
    }
    const idle = [...this.#all.values()].filter(({ facts: { peer: from }, part }) => from === peer && part instanceof Incoming && !part.live && part.state !== "done");
    if (idle.length >= MAX_OFFERS) return void this.o.call.send(peer, "file.decline", { id: facts.id });
    this.#add(facts, new Incoming(facts, this.#way(peer)));
    const row = this.rows.at(-1);
    if (row) this.#events.emit("offered", row);
    this.#changed();
  }

  /** @param {string} peer @param {ArrayBuffer} data */
  #bytes(peer, data) {
    const frame = unpack(data);
    if (!frame) return;
    for (const { facts, part } of this.#all.values()) {
      if (facts.peer !== peer || facts.handle !== frame.handle || !(part instanceof Incoming)) continue;
      return frame.bytes.byteLength ? part.take(frame.offset, frame.bytes) : part.started(frame.offset);
    }
  }

  /** @param {unknown} id @param {string} peer */
  #saved(id, peer) {
    const part = this.#out(id, peer);
    if (!part) return;
    part.written = part.facts.size;
    part.end("done");
  }

  /** @param {unknown} id @param {string} peer @param {boolean} on */
  #pausedThere(id, peer, on) {
    const item = this.#all.get(keyOf(peer, String(id)));
    if (!item) return;
    item.paused.there = on;
    item.part.pause(item.paused.here || item.paused.there);
  }

  /** @param {unknown} id @param {string} peer @param {string} reason */
  #cancelledThere(id, peer, reason) {
    const part = this.#all.get(keyOf(peer, String(id)))?.part;
    const failed = PROBLEMS.has(reason);
    if (part?.live || part?.state === "offered") part.problem = failed ? reason : "";
    part?.end(failed ? "failed" : "cancelled");
  }

  /** Takes up what a reload has interrupted in this room. */
  #remember() {
    const here = this.o.room();
    for (const item of this.o.memory.load()) {
      if (item.room !== here || this.#all.has(keyOf(item.peer, item.id))) continue;
      const { room: _, out, folder, at: __, ...facts } = item;
      if (out) this.#add(facts, new Outgoing(facts, null, this.#link(facts.peer)), folder);
      else void this.#restore(facts, folder);
      this.#changed();
    }
  }

  /** @param {Facts} facts @param {string} folder */
  async #restore(facts, folder) {
    const part = new Incoming(facts, this.#way(facts.peer));
    this.#add(facts, part, folder);
    try {
      await part.restore(await this.o.stored(folder));
      part.resume(); // the sender may be there already; else its offer asks for this again
    } catch {
      this.#all.delete(keyOf(facts.peer, facts.id)); // swept away: an offer asks the person anew
      this.#changed();
    }
  }

  #closed = false;
  #queued = false;
  /** Many changes in one turn are told once. */
  #changed() {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.#closed) return; // another call may be at it by now
      this.#save();
      this.#events.emit("change", undefined);
    });
  }

  #noted = "";
  #save() {
    const { memory } = this.o;
    const room = this.o.room();
    const list = [...this.#all.values()].filter(({ part }) => (part instanceof Outgoing ? part.live || part.state === "repick" : part.live && part.sink?.kind === "opfs"));
    const others = memory.load().filter((item) => item.room !== room);
    const next = [...others, ...list.map(({ facts, part, folder }) => ({ ...facts, room, out: part instanceof Outgoing, folder, at: Date.now() }))];
    const text = next.map(({ id, handle }) => `${id} ${handle}`).join();
    if (text === this.#noted) return;
    this.#noted = text;
    memory.save(next);
  }
}

/** @param {string} peer @param {string} id */
const keyOf = (peer, id) => `${peer} ${id}`;

/** @param {any} message @param {string} peer @param {string} to @returns {Facts | null} null: not an offer */
function readOffer({ id, handle, name, size, type, mtime }, peer, to) {
  const whole = (/** @type {unknown} */ n, /** @type {number} */ most) => Number.isSafeInteger(n) && Number(n) >= 0 && Number(n) <= most;
  if (typeof id !== "string" || !/^[0-9a-f]{16}$/.test(id) || !whole(handle, 0xffffffff) || !whole(size, Number.MAX_SAFE_INTEGER)) return null;
  return { id, handle, peer, to, name: safeName(name), size, type: typeof type === "string" ? type.slice(0, 100) : "", mtime: Number(mtime) || 0 };
}
