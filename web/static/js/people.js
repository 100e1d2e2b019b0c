/**
 * Keeps the list of people online, and at first that of open calls, as the server tells it.
 *
 * @typedef {import("./net/types.js").Person} Person
 */
export class People {
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

  /** @param {Person[]} changed */
  #changed(changed) {
    const byUser = new Map((this.store.state.people ?? []).map((person) => [person.user, person]));
    for (const person of changed) {
      if (person.status === "offline") byUser.delete(person.user);
      else byUser.set(person.user, { ...byUser.get(person.user), ...person });
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
  return [...people].filter((person) => person.status !== "offline").sort((a, b) => a.name.localeCompare(b.name));
}
