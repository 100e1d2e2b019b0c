/** Waits before each new try, in milliseconds: the first is immediate, for the common short drop. */
const STEPS = [0, 300, 1000, 2000, 4000, 7000, 10000];

/** How far a wait strays at random, so that a restarted server is not met by all at once. */
const JITTER = 0.3;

/** Counts tries and says how long to wait before the next one. */
export class Backoff {
  #tries = 0;
  /** @param {() => number} random  0 ≤ x < 1 */
  constructor(random = Math.random) {
    this.random = random;
  }

  get tries() {
    return this.#tries;
  }

  /** @returns {number} milliseconds */
  next() {
    const step = STEPS[Math.min(this.#tries++, STEPS.length - 1)] ?? 0;
    return Math.round(step * (1 - JITTER + 2 * JITTER * this.random()));
  }

  reset() {
    this.#tries = 0;
  }
}
