/**
 * One word for how good a connection is. A word changes only when the new one
 * has held for a while: down after 3 s, up after 6 s, so that it does not flicker.
 *
 * @typedef {"good" | "fair" | "poor"} Grade
 */

const ORDER = /** @type {const} */ (["good", "fair", "poor"]);
const DOWN_MS = 3_000;
const UP_MS = 6_000;

/** Upper bounds of each grade: round trip in milliseconds, loss and freeze as shares. */
const BOUNDS = [
  { grade: /** @type {Grade} */ ("good"), rtt: 200, loss: 0.02, freeze: 0.01 },
  { grade: /** @type {Grade} */ ("fair"), rtt: 400, loss: 0.06, freeze: 0.1 },
];

/** @param {import("./stats.js").Figures} figures @returns {Grade} */
export function grade({ rtt, loss, freeze }) {
  const round = Number.isNaN(rtt) ? 0 : rtt;
  const fits = BOUNDS.find((b) => round < b.rtt && loss < b.loss && freeze < b.freeze);
  return fits?.grade ?? "poor";
}

/** Follows the grade of one connection with patience. */
export class Quality {
  /** @type {Grade} */
  value = "good";
  #since = NaN;

  /** @param {number} now  milliseconds @param {import("./stats.js").Figures} figures */
  add(now, figures) {
    const wanted = grade(figures);
    if (wanted === this.value) {
      this.#since = NaN;
      return this.value;
    }
    if (Number.isNaN(this.#since)) this.#since = now;
    const worse = ORDER.indexOf(wanted) > ORDER.indexOf(this.value);
    if (now - this.#since >= (worse ? DOWN_MS : UP_MS)) {
      this.value = wanted;
      this.#since = NaN;
    }
    return this.value;
  }
}
