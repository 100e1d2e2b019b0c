/**
 * What to do when nothing arrives from another person, by the time since the
 * last packet. Browsers report such a break after 7 to 17 seconds, too late.
 *
 * @typedef {"probe" | "stalled" | "restart" | "renew" | "refresh" | "rebuild" | "lost" | "alive"} Step
 * @type {readonly {after: number, step: Step, setup?: boolean, moved?: boolean}[]}
 *   after: milliseconds; setup: also taken while the first connection is being made; moved: only after a change of the
 *   network, when a browser stays with the addresses of before for 3.5 s whatever else it has found: a new connection does not
 */
export const LADDER = [
  { after: 800, step: "probe" },
  { after: 2_000, step: "stalled" },
  { after: 2_500, step: "restart" },
  { after: 3_200, step: "renew", moved: true },
  { after: 8_000, step: "refresh", setup: true },
  { after: 20_000, step: "rebuild", setup: true },
  { after: 35_000, step: "rebuild", setup: true },
  { after: 50_000, step: "rebuild", setup: true },
  { after: 60_000, step: "lost", setup: true },
];

const RENEW = LADDER.findIndex(({ step }) => step === "renew");

/** Once the ladder is climbed, a new connection is tried this often. */
export const REPEAT_MS = 15_000;

/** After a change of the network, silence counts as if it had lasted so long: what still lives has a moment to prove it. */
const HURRY_MS = 1_900;

/** What has been silent for so long when the way to the server proves dead has lost the same network. */
const DEAD_MS = 2_000;

/** A gap between two looks beyond which the machine itself was asleep. */
const SLEEP_MS = 5_000;

/**
 * Watches one link. It is told how much has arrived and says which steps are
 * due; it has no clock and does nothing by itself.
 */
export class Watchdog {
  #count = 0;
  #since;
  #looked;
  #next = 0;
  #alive = false;
  /** The network has changed since the last look. */
  #hurried = false;
  /** It has changed, and nothing has come since. */
  #moved = false;

  /** @param {number} now  milliseconds, like all times here */
  constructor(now) {
    this.#since = this.#looked = now;
  }

  /** Whether anything has ever arrived. */
  get connected() {
    return this.#alive;
  }

  /**
   * @param {number} now
   * @param {number} count  packets and messages received so far on this connection; it may start again at 0
   * @returns {Step[]} the steps that have become due since the last look
   */
  look(now, count) {
    const slept = now - this.#looked > SLEEP_MS;
    const hurried = this.#hurried;
    this.#looked = now;
    this.#hurried = false;
    if (count > this.#count) return this.#arrived(now, count, hurried);
    this.#count = count; // less than before: a new connection, which counts from zero
    // After a sleep the silence proves nothing yet, but do not wait for long.
    if (slept) this.#since = Math.max(this.#since, now - 800);
    return this.#due(now - this.#since);
  }

  /** The browser itself says that the connection has failed: no need to wait. @returns {Step[]} */
  failed() {
    const at = LADDER.findIndex((rung) => rung.step === "restart");
    if (this.#next > at) return [];
    this.#next = at + 1;
    return ["restart"];
  }

  /** The network changed or the machine woke: a break is now more likely than patience is useful. @param {number} now */
  hurry(now) {
    this.#since = Math.min(this.#since, now - HURRY_MS);
    if (!this.#moved && this.#next === RENEW + 1) this.#next = RENEW; // it was passed, but not taken
    this.#hurried = this.#moved = true;
  }

  /** The socket to the server was dead and is another one now: what was silent before is made anew at the next look. @param {number} now */
  replaced(now) {
    const dead = this.#alive && !this.#moved && now - this.#since >= DEAD_MS;
    this.hurry(now);
    if (dead) this.#since = Math.min(this.#since, now - (LADDER[RENEW]?.after ?? 0));
  }

  /** Starts over, as with a new link. @param {number} now */
  reset(now) {
    this.#since = this.#looked = now;
    this.#next = 0;
    this.#alive = this.#moved = false;
  }

  /** @param {number} now @param {number} count @param {boolean} hurried @returns {Step[]} */
  #arrived(now, count, hurried) {
    const back = !this.#alive || this.#next > 1;
    this.#count = count;
    // What came before the change, and was not looked at yet, proves nothing about now.
    this.#since = hurried ? now - HURRY_MS : now;
    this.#moved = hurried;
    this.#next = 0;
    this.#alive = true;
    return back ? ["alive"] : [];
  }

  /** @param {number} silence @returns {Step[]} */
  #due(silence) {
    /** @type {Step[]} */
    const steps = [];
    for (; ; this.#next++) {
      const rung = LADDER[this.#next];
      const repeat = (this.#next - LADDER.length + 1) * REPEAT_MS + (LADDER.at(-1)?.after ?? 0);
      if (silence < (rung?.after ?? repeat)) return steps;
      if (!rung) steps.push("rebuild");
      else if (rung.setup || (this.#alive && (this.#moved || !rung.moved))) steps.push(rung.step);
    }
  }
}
