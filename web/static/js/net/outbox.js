import { ProtocolError } from "./errors.js";

/** Bounds of what is kept for replay: the same as the server's. */
export const MAX_FRAMES = 512;
export const MAX_BYTES = 1 << 20;

/**
 * @typedef {object} Entry
 * @property {number} id
 * @property {string} text            the frame as it goes over the wire
 * @property {boolean} arrived        the server has processed it
 * @property {(frame: import("./types.js").Frame) => void} [resolve]   set for requests
 * @property {(error: Error) => void} [reject]
 */

/**
 * The frames that this side has sent, until the server says that it has them,
 * and the requests that wait for an answer. Knows no socket and no time.
 */
export class Outbox {
  #next = 1;
  #bytes = 0;
  /** @type {Map<number, Entry>} in the order of sending */
  #entries = new Map();

  get size() {
    return this.#entries.size;
  }

  /**
   * Numbers a frame and keeps it. The oldest are forgotten past the bounds,
   * and a request among them fails.
   * @param {object} frame  without `id`
   * @param {Pick<Entry, "resolve" | "reject">} [waiter]
   * @returns {Entry}
   */
  add(frame, waiter) {
    const id = this.#next++;
    const entry = { id, text: JSON.stringify({ ...frame, id }), arrived: false, ...waiter };
    this.#entries.set(id, entry);
    this.#bytes += entry.text.length;
    while (this.#entries.size > MAX_FRAMES || this.#bytes > MAX_BYTES) {
      const oldest = this.#entries.values().next().value;
      if (!oldest || oldest === entry) break;
      this.#fail(oldest, new ProtocolError("lost", "Too many messages wait for the server."));
    }
    return entry;
  }

  /**
   * The server has processed every frame up to id.
   * @param {number} id
   */
  ack(id) {
    for (const entry of this.#entries.values()) {
      if (entry.id > id) break;
      entry.arrived = true;
      if (!entry.resolve) this.#forget(entry);
    }
  }

  /**
   * Ends the request `re` with its `ok` or `error`.
   * @param {import("./types.js").Frame} frame
   * @param {Error} [error]
   */
  answer(frame, error) {
    const entry = this.#entries.get(frame.re ?? 0);
    if (!entry) return;
    this.#forget(entry);
    if (error) entry.reject?.(error);
    else entry.resolve?.(frame);
  }

  /** What to send again after a resume, in order. */
  pending() {
    return [...this.#entries.values()].filter((entry) => !entry.arrived);
  }

  /** The server refused the largest frame (close code 1009): it is not sent again. */
  dropLargest() {
    const largest = this.pending().sort((a, b) => b.text.length - a.text.length)[0];
    if (largest) this.#fail(largest, new ProtocolError("too_big", "The message is too large for the server."));
  }

  /**
   * A new session: all that waited has failed and numbers start again at 1.
   * @param {Error} error
   */
  reset(error) {
    const old = [...this.#entries.values()];
    this.#entries.clear();
    this.#bytes = 0;
    this.#next = 1;
    for (const entry of old) entry.reject?.(error);
  }

  /** @param {Entry} entry @param {Error} error */
  #fail(entry, error) {
    this.#forget(entry);
    entry.reject?.(error);
  }

  /** @param {Entry} entry */
  #forget(entry) {
    if (this.#entries.delete(entry.id)) this.#bytes -= entry.text.length;
  }
}
