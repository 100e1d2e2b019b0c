/**
 * What happened in a call, for a report that a person may copy: no names, no
 * addresses, and never sent by itself.
 *
 * @typedef {{ms: number, who: string, what: string}} Entry  who: "me", or "1", "2", … in the order of coming
 */

/** The oldest entries make room for the newest. */
const MOST = 200;
/** So many of those who have gone are told of. */
const MOST_GONE = 20;

export class Journal {
  /** @type {Entry[]} */
  entries = [];
  /** @type {object[]} how those did who have gone, as they went */
  gone = [];
  /** @type {Map<string, string>} id of a member -> its number */
  #numbers = new Map();
  #start;

  /** @param {() => number} now  milliseconds */
  constructor(now) {
    this.now = now;
    this.#start = now();
  }

  /** @param {string} what @param {string} [id]  the member that it is about */
  add(what, id) {
    this.entries.push({ ms: Math.round(this.now() - this.#start), who: id ? this.number(id) : "me", what });
    if (this.entries.length > MOST) this.entries.shift();
  }

  /** Keeps how a member did that goes now. @param {import("./member.js").View} view @param {string} reason */
  leave(view, reason) {
    this.add(reason, view.id);
    this.gone = [...this.gone, { ...this.facts(view), gone: reason }].slice(-MOST_GONE);
  }

  /** @param {import("./member.js").View} view */
  facts(view) {
    return { who: this.number(view.id), ...factsOf(view) };
  }

  /** @param {string} id @returns {string} */
  number(id) {
    const number = this.#numbers.get(id) ?? String(this.#numbers.size + 1);
    this.#numbers.set(id, number);
    return number;
  }
}

/** @param {number} value @param {number} digits  after the point; null for what is not known */
const rounded = (value, digits) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

/**
 * One member as it stands in a report.
 * @param {import("./member.js").View} view
 */
export function factsOf({ phase, path, quality, figures: f, told, step, iceErrors, away, state }) {
  return {
    phase, path, quality, step, away, state, iceErrors,
    received: f && { kbps: rounded(f.downKbps, 0), loss: rounded(f.lossIn, 4), size: `${f.width}x${f.height}`, fps: rounded(f.fps, 0), frozen: rounded(f.freeze, 3), concealed: rounded(f.concealed, 4), codec: f.codec },
    sent: f && { kbps: rounded(f.upKbps, 0), loss: rounded(f.lossOut, 4), size: `${f.sentWidth}x${f.sentHeight}`, limited: f.limited },
    rtt: f && rounded(f.rtt, 0),
    told: told && { kbps: told.kbps, loss: told.loss, fps: told.fps, size: `${told.width}x${told.height}` },
  };
}
