/** So many times at once: a side that slept hears at one go of all the new connections that were tried meanwhile. */
const FREE = 5;
/** The first pause after those. */
const FIRST_MS = 1_000;
/** One time is forgotten in so long; the pauses do not grow beyond it. */
const REST_MS = 10_000;

/**
 * Bounds how often something costly is done because somebody else asks for it:
 * some times at once, and then with pauses that grow. It has no clock.
 */
export class Pace {
  /** Times that are not forgotten yet. */
  #level = 0;
  #at = -Infinity;

  /** @param {number} now  milliseconds, like all times here @returns {number} how long it must wait; 0: it may be done */
  wait(now) {
    const over = this.#level - FREE;
    return over < 0 ? 0 : Math.max(0, this.#at + FIRST_MS * 2 ** over - now);
  }

  /** It is done now. @param {number} now */
  take(now) {
    this.#level = Math.max(0, this.#level - (now - this.#at) / REST_MS) + 1;
    this.#at = now;
  }
}
