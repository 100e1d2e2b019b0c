import { Emitter } from "../net/emitter.js";
import { cleanText, HISTORY, Log } from "./log.js";

/**
 * Text between the members of a room, from browser to browser; the server
 * never sees it. Each message goes to each member and waits until that member
 * has confirmed it: after a new connection it is said again. Who comes later
 * asks the one who is longest in the room for what was said before.
 *
 *     chat {id, seq, at, text}   chat.ack {id}
 *     chat.ask {}                chat.history {items: [{id, from, name, seq, at, text}], more}
 *
 * @typedef {import("./log.js").Entry} Entry
 *
 * @typedef {object} ChatCall    what is used of rtc/call.js
 * @property {{id: string, name: string}[]} views
 * @property {(id: string, type: string, fields?: object) => boolean} send
 * @property {(type: string, fn: (message: any, id: string) => void) => () => void} onMessage
 * @property {(name: any, fn: (value: any) => void) => () => void} on
 *
 * @typedef {object} ChatOptions
 * @property {ChatCall} call
 * @property {{peer: string, name: string}} self
 * @property {() => number} [now]   milliseconds since 1970
 */

/** Characters of one batch of history, well within what the channel takes. */
const BATCH = 10_000;

/** @returns {string} */
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");

export class Chat {
  #log = new Log();
  /** @type {Emitter<{change: void, message: Entry}>} */
  #events = new Emitter();
  /** @type {Map<string, Map<string, Entry>>} by member: what it has not confirmed, in order */
  #unconfirmed = new Map();
  /** @type {(() => void)[]} */
  #off;
  #seq;
  /** @type {string | null} whom we asked for what was said before */
  #asked = null;
  #told = false;
  /** Who was told over the connection that stands: nobody needs to hear it twice. */
  #answered = new Set();

  /** @param {ChatOptions} options */
  constructor(options) {
    this.o = options;
    this.now = options.now ?? Date.now;
    // After a reload the numbers go on above those of before.
    this.#seq = this.now() * 1000;
    const { call } = options;
    this.#off = [
      call.on("open", ({ id }) => this.#opened(id)),
      call.on("left", ({ view }) => this.#left(view.id)),
      call.onMessage("chat", (message, id) => this.#receive(message, id)),
      call.onMessage("chat.ack", (message, id) => this.#confirmed(message, id)),
      call.onMessage("chat.ask", (_, id) => this.#tell(id)),
      call.onMessage("chat.history", (message, id) => this.#learn(message, id)),
    ];
  }

  /**
   * @template {"change" | "message"} K
   * @param {K} name @param {(value: {change: void, message: Entry}[K]) => void} fn  message: one of another member, just said
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  get entries() {
    return this.#log.entries;
  }

  /** @param {string} typed @returns {boolean} false: there is nothing to say in it */
  say(typed) {
    const text = cleanText(typed);
    if (!text) return false;
    const { call, self } = this.o;
    const members = call.views.map(({ id }) => id);
    /** @type {Entry} */
    const entry = { id: newId(), from: self.peer, name: self.name, text, seq: ++this.#seq, at: this.now(), mine: true, earlier: false, waiting: members.length };
    this.#log.add(entry);
    for (const id of members) {
      this.#of(id).set(entry.id, entry);
      this.#send(id, entry);
    }
    this.#events.emit("change", undefined);
    return true;
  }

  close() {
    for (const off of this.#off) off();
  }

  /** @param {string} member */
  #of(member) {
    let map = this.#unconfirmed.get(member);
    if (!map) this.#unconfirmed.set(member, (map = new Map()));
    return map;
  }

  /** @param {string} member @param {Entry} entry */
  #send(member, { id, seq, at, text }) {
    this.o.call.send(member, "chat", { id, seq, at, text });
  }

  /** A new connection: what it has not confirmed may have been lost with the old one. @param {string} member */
  #opened(member) {
    this.#answered.delete(member);
    for (const entry of this.#of(member).values()) this.#send(member, entry);
    if (this.#asked === member) this.#asked = null;
    this.#ask();
  }

  /** Asks whoever is longest here, until somebody has answered. */
  #ask() {
    const [oldest] = this.o.call.views;
    if (this.#told || !oldest || this.#asked === oldest.id) return;
    this.#asked = oldest.id;
    if (!this.o.call.send(oldest.id, "chat.ask")) this.#asked = null;
  }

  /** @param {string} member */
  #left(member) {
    const missed = [...(this.#unconfirmed.get(member)?.keys() ?? [])];
    this.#unconfirmed.delete(member);
    this.#answered.delete(member);
    for (const id of missed) this.#count(id);
    if (this.#asked === member) this.#asked = null;
    this.#ask();
    if (missed.length) this.#events.emit("change", undefined);
  }

  /** @param {any} message @param {string} member */
  #receive({ id, seq, at, text }, member) {
    const sender = this.o.call.views.find((view) => view.id === member);
    const clean = cleanText(text);
    if (!sender || !clean || !isId(id) || !Number.isFinite(seq) || !isTime(at)) return;
    this.o.call.send(member, "chat.ack", { id });
    /** @type {Entry} */
    const entry = { id, from: member, name: sender.name, text: clean, seq, at, mine: false, earlier: false, waiting: 0 };
    if (!this.#log.add(entry)) return;
    this.#events.emit("message", entry);
    this.#events.emit("change", undefined);
  }

  /** @param {any} message @param {string} member */
  #confirmed({ id }, member) {
    if (!this.#unconfirmed.get(member)?.delete(id)) return;
    this.#count(id);
    this.#events.emit("change", undefined);
  }

  /** @param {string} id  of a message of ours */
  #count(id) {
    const waiting = [...this.#unconfirmed.values()].filter((map) => map.has(id)).length;
    this.#log.setWaiting(id, waiting);
  }

  /** @param {string} member  one who came later */
  #tell(member) {
    if (this.#answered.has(member)) return;
    this.#answered.add(member);
    // It may have been there too late for what was said when the link opened.
    for (const entry of this.#of(member).values()) this.#send(member, entry);
    /** @type {object[]} */
    let batch = [];
    let length = 0;
    // What waits for this member goes to it by itself.
    const waiting = this.#of(member);
    const items = this.entries.filter(({ id, mine }) => !mine || !waiting.has(id)).slice(-HISTORY);
    for (const { id, from, name, seq, at, text } of items) {
      const item = { id, from, name, seq, at, text };
      const size = JSON.stringify(item).length;
      if (length + size > BATCH) {
        this.o.call.send(member, "chat.history", { items: batch, more: true });
        [batch, length] = [[], 0];
      }
      batch.push(item);
      length += size;
    }
    this.o.call.send(member, "chat.history", { items: batch, more: false });
  }

  /** Only the one who was asked is believed, and only about what was before. @param {any} message @param {string} member */
  #learn({ items, more }, member) {
    if (member !== this.#asked || !Array.isArray(items)) return;
    this.#told = more !== true;
    if (this.#told) this.#asked = null;
    for (const item of items.slice(0, HISTORY)) this.#recall(item);
    this.#events.emit("change", undefined);
  }

  /** @param {any} item */
  #recall(item) {
    const { id, from, name, seq, at } = item ?? {};
    const text = cleanText(item?.text);
    if (!isId(id) || typeof from !== "string" || !text || !Number.isFinite(seq) || !isTime(at)) return;
    if (this.entries.length >= 2 * HISTORY) return;
    const mine = from === this.o.self.peer;
    this.#log.add({ id, from, name: mine ? this.o.self.name : cleanText(name).slice(0, 64), text, seq, at, mine, earlier: true, waiting: 0 });
  }
}

/** @param {unknown} id */
const isId = (id) => typeof id === "string" && /^[0-9a-f]{16}$/.test(id);
/** The browser refuses to write any other number as a time, with an error. @param {unknown} at */
const isTime = (at) => Number.isFinite(new Date(typeof at === "number" ? at : NaN).getTime());
