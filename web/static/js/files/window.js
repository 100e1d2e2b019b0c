/**
 * How much may be on its way: a quarter of a second of what the link has been
 * seen to carry, less while a call over it suffers.
 */

const LEAST = 256 * 1024;
const MOST = 4 * 1024 * 1024;
const AHEAD_MS = 250;
/** The share that a new measurement has. */
const WEIGHT = 0.3;
/** A picture suffers when a round trip takes this many times the shortest one seen, and more than this. */
const SLOWER = 2;
const NOTICED_MS = 60;
/** Never squeezed below this share: the file must move. */
const LEAST_SHARE = 1 / 16;
/** How often the call is looked at. */
const LOOK_MS = 1_000;

export class Window {
  #rate = 0;
  #share = 1;
  #shortest = Infinity;
  #looked = -Infinity;

  /** Bytes that may wait in the channel. */
  get size() {
    const wanted = Math.min(Math.max((this.#rate * AHEAD_MS) / 1000, LEAST), MOST);
    return Math.round(wanted * this.#share);
  }

  /** Bytes a second, smoothed. */
  get rate() {
    return this.#rate;
  }

  /** @param {number} bytes @param {number} ms  in which they left */
  measured(bytes, ms) {
    if (ms <= 0) return;
    const now = (bytes * 1000) / ms;
    this.#rate = this.#rate ? this.#rate * (1 - WEIGHT) + now * WEIGHT : now;
  }

  /** @param {number} now  milliseconds @param {{video: boolean, rtt: number}} call  rtt: NaN while unknown */
  look(now, { video, rtt }) {
    if (now - this.#looked < LOOK_MS || !(rtt > 0)) return;
    this.#looked = now;
    this.#shortest = Math.min(this.#shortest, rtt);
    const suffers = video && rtt > NOTICED_MS && rtt > SLOWER * this.#shortest;
    this.#share = suffers ? Math.max(this.#share / 2, LEAST_SHARE) : Math.min(this.#share * 2, 1);
  }
}
