/**
 * One place for what the pages show. A change replaces the object, so that a
 * view can tell by identity whether anything changed for it.
 *
 * @template {object} S
 */
export class Store {
  /** @type {Set<(state: S) => void>} */
  #listeners = new Set();

  /** @param {S} state */
  constructor(state) {
    this.state = state;
  }

  /** @param {Partial<S>} change */
  set(change) {
    this.state = { ...this.state, ...change };
    for (const fn of [...this.#listeners]) fn(this.state);
  }

  /** @param {(state: S) => void} fn @returns {() => void} */
  subscribe(fn) {
    this.#listeners.add(fn);
    return () => void this.#listeners.delete(fn);
  }
}
