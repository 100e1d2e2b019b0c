/** Who has gone stays on the list, as offline, for this long. */
const LINGER_MS = 4_000;

/**
 * Keeps the list of people online, and at first that of open calls, as the server tells it.
 *
 * @typedef {import("./net/types.js").Person} Person
 */
export class People {
  /** @type {Map<string, any>} timers of those who have just gone, by user */
  #going = new Map();

  /**
   * @param {import("./state.js").AppStore} store
   * @param {import("./net/session.js").Session} session
   */
  constructor(store, session) {
    this.store = store;
    this.session = session;
    session.onFrame("users", (frame) => this.#changed(frame.changed));
  }

  /** Asks for the list; again after each new session. */
  async watch() {
    try {
      const { users, offers } = await this.session.request("watch", { users: true, offers: true });
      this.store.set({ people: Array.isArray(users) ? sorted(users) : null, offers: Array.isArray(offers) ? offers : null });
    } catch {
      this.store.set({ people: null, offers: null }); // not for this person: the page says nothing about others
    }
  }

  /** Most are back in a moment, after a reload: the list should not jump for that. @param {string} user */
  #goes(user) {
    clearTimeout(this.#going.get(user));
    this.#going.set(user, setTimeout(() => {
      this.#going.delete(user);
      const people = (this.store.state.people ?? []).filter((person) => person.user !== user || person.status !== "offline");
      this.store.set({ people });
    }, LINGER_MS));
  }

  /** @param {Person[]} changed */
  #changed(changed) {
    const byUser = new Map((this.store.state.people ?? []).map((person) => [person.user, person]));
    for (const person of changed) {
      if (person.status === "offline") this.#goes(person.user);
      if (person.status !== "offline" || byUser.has(person.user)) byUser.set(person.user, { ...byUser.get(person.user), ...person });
    }
    this.store.set({ people: sorted([...byUser.values()]) });
    const { you } = this.store.state;
    const self = you && byUser.get(you.user);
    // Renamed in another tab.
    if (self && self.name !== you.name) this.store.set({ you: { ...you, name: self.name } });
  }
}

/** @param {Person[]} people */
function sorted(people) {
  return [...people].sort((a, b) => a.name.localeCompare(b.name));
}
