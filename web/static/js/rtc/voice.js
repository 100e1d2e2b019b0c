/**
 * Hears two things that people do not notice themselves: a microphone that
 * gives nothing at all, and words that nobody hears because one is muted.
 *
 * @typedef {"" | "dead" | "muted"} Warning
 */

/** Quieter than any room: only a switched-off microphone gives this, in decibels. */
const DEAD_DB = -95;
const DEAD_MS = 5_000;
/** As loud as speech close by. */
const SPEECH_DB = -38;
const SPEECH_MS = 400;
/** A pause between words does not start the count anew. */
const PAUSE_MS = 300;
/** One is not told of the same again for so long. */
const AGAIN_MS = 30_000;

export class VoiceWatch {
  #quiet = NaN;
  #heard = false;
  #loud = NaN;
  #last = -Infinity;
  #told = -Infinity;

  /**
   * @param {number} now  milliseconds @param {number} db  loudness, about twelve times a second
   * @param {boolean} on  whether the others hear it
   * @returns {Warning} what to tell, now
   */
  add(now, db, on) {
    return on ? this.#alive(now, db) : this.#speaking(now, db);
  }

  /** @param {number} now @param {number} db @returns {Warning} */
  #alive(now, db) {
    this.#loud = NaN;
    if (db > DEAD_DB) this.#heard = true;
    if (this.#heard) return "";
    if (Number.isNaN(this.#quiet)) this.#quiet = now;
    if (now - this.#quiet < DEAD_MS) return "";
    this.#heard = true; // said once
    return "dead";
  }

  /** @param {number} now @param {number} db @returns {Warning} */
  #speaking(now, db) {
    this.#quiet = NaN;
    if (db > SPEECH_DB) {
      if (Number.isNaN(this.#loud)) this.#loud = now;
      this.#last = now;
    } else if (now - this.#last > PAUSE_MS) this.#loud = NaN;
    if (!(this.#last - this.#loud >= SPEECH_MS) || now - this.#told < AGAIN_MS) return "";
    this.#told = now;
    return "muted";
  }
}
