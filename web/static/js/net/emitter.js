/**
 * A typed list of listeners: the one way in which the modules without a DOM
 * tell others that something happened.
 *
 * @template {Record<string, any>} Events  name of the event -> what it carries
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(value: any) => void>>} */
  #listeners = new Map();

  /**
   * Calls fn for each event of that name, until the returned function is called.
   * @template {keyof Events} K
   * @param {K} name
   * @param {(value: Events[K]) => void} fn
   * @returns {() => void}
   */
  on(name, fn) {
    let set = this.#listeners.get(name);
    if (!set) this.#listeners.set(name, (set = new Set()));
    set.add(fn);
    return () => void set.delete(fn);
  }

  /**
   * @template {keyof Events} K
   * @param {K} name
   * @param {Events[K]} value
   */
  emit(name, value) {
    for (const fn of [...(this.#listeners.get(name) ?? [])]) fn(value);
  }
}
