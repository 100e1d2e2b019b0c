/**
 * The messages of one room, in memory: each once, those of one sender in the
 * order in which they were written.
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} from      peer id
 * @property {string} name
 * @property {string} text
 * @property {number} seq       of its sender, growing
 * @property {number} at        milliseconds since 1970, by its sender's clock
 * @property {boolean} mine
 * @property {boolean} earlier  told by another member, from before one came
 * @property {number} waiting   members who have not confirmed it yet
 */

/** Older ones are forgotten: a call is no archive. */
export const MAX_ENTRIES = 500;
/** What a newcomer is told. */
export const HISTORY = 200;
/** Characters of one message; even with every one of them escaped it fits the channel. */
export const MAX_TEXT = 4_000;

export class Log {
  /** @type {Entry[]} */
  entries = [];
  #known = new Set();

  /** @param {Entry} entry @returns {boolean} false: it is known already */
  add(entry) {
    if (this.#known.has(keyOf(entry))) return false;
    this.#known.add(keyOf(entry));
    const later = (/** @type {Entry} */ known) =>
      entry.earlier ? !known.earlier || known.at > entry.at : known.from === entry.from && !known.earlier && known.seq > entry.seq;
    const at = this.entries.findIndex(later);
    this.entries = at < 0 ? [...this.entries, entry] : [...this.entries.slice(0, at), entry, ...this.entries.slice(at)];
    for (const old of this.entries.splice(0, this.entries.length - MAX_ENTRIES)) this.#known.delete(keyOf(old));
    return true;
  }

  /** @param {string} id  of a message of one's own @param {number} waiting  members who have not confirmed it */
  setWaiting(id, waiting) {
    this.entries = this.entries.map((entry) => (entry.mine && entry.id === id ? { ...entry, waiting } : entry));
  }
}

/** Whoever sends it chooses its id, and could choose that of another's message. @param {Entry} entry */
export const keyOf = ({ from, id }) => `${from} ${id}`;

/**
 * What a person typed, as it may be sent; "" when nothing is left.
 * @param {unknown} text
 */
export function cleanText(text) {
  if (typeof text !== "string") return "";
  // Control characters and those that turn the direction of what follows would play tricks on the reader.
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, " ").trim().slice(0, MAX_TEXT);
}
