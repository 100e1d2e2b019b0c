import { t } from "../i18n.js";

/** A region is empty for this long before it speaks: the same words twice are heard twice only if the text changes in between. */
const GAP_MS = 50;
/** Words stay this long before others take their place: told sooner, a screen reader leaves the first out. */
const STAY_MS = 500;
/** What waits behind so many others is old news when its turn comes: the oldest makes room. */
const MOST = 6;

/** Says one thing after the other in a live region. */
export class Speaker {
  /** @type {string[]} */
  #waiting = [];
  #busy = false;

  /** @param {{textContent: string | null}} region */
  constructor(region) {
    this.region = region;
  }

  /** @param {string} text */
  say(text) {
    this.#waiting = [...this.#waiting, text].slice(-MOST);
    if (!this.#busy) this.#next();
  }

  #next() {
    const text = this.#waiting.shift();
    this.#busy = text !== undefined;
    if (text === undefined) return;
    this.region.textContent = "";
    setTimeout(() => {
      this.region.textContent = text;
      setTimeout(() => this.#next(), STAY_MS);
    }, GAP_MS);
  }
}

/** @type {WeakMap<Element, Speaker>} by region */
const speakers = new WeakMap();

/**
 * Says something to people who listen rather than look. The live regions are
 * in the shell from the start: one made later would not be heard.
 * @param {import("../state.js").Text} text @param {boolean} [urgent]
 */
export function announce(text, urgent = false) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  if (!region) return;
  const speaker = speakers.get(region) ?? new Speaker(region);
  speakers.set(region, speaker);
  speaker.say(t(text.key, text.values));
}
