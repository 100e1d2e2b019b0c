/**
 * Sound, vibration and a flashing title for calls. The tones are made here: no
 * file is fetched. Where the browser does not let a page sound, the rest does.
 *
 * @typedef {"ring" | "back" | "knock" | "lost"} Kind  a call comes in; it rings at the other side; someone calls
 *   during a call; a connection has broken
 */

/** @type {Record<Kind, {notes: [frequency: number, start: number, length: number][], every: number, loud: number}>} */
const TONES = {
  ring: { notes: [[659, 0, 0.22], [880, 0.24, 0.22], [659, 0.6, 0.22], [880, 0.84, 0.4]], every: 2600, loud: 0.16 },
  back: { notes: [[425, 0, 1]], every: 4000, loud: 0.05 },
  knock: { notes: [[880, 0, 0.18], [659, 0.22, 0.24]], every: 5000, loud: 0.07 },
  lost: { notes: [[440, 0, 0.16], [330, 0.2, 0.24]], every: 2000, loud: 0.05 },
};
const BUZZ = [400, 200, 400];
const FLASH_MS = 1_000;

/** @param {AudioContext} context @param {Kind} kind */
function play(context, kind) {
  const { notes, loud } = TONES[kind];
  for (const [frequency, start, length] of notes) {
    const at = context.currentTime + start;
    const tone = new OscillatorNode(context, { frequency });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setTargetAtTime(loud, at, 0.015);
    gain.gain.setTargetAtTime(0, at + length * 0.7, 0.06);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + length + 0.4);
  }
}

/** Browsers refuse to shake before the first touch, with an error in the log. @param {Kind} kind @param {number | number[]} pattern */
function buzz(kind, pattern) {
  if (kind !== "back" && navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern);
}

/** Sounds once. @param {Kind} kind */
export function chime(kind) {
  const context = new AudioContext();
  play(context, kind);
  setTimeout(() => void context.close(), TONES[kind].every);
}

/** @param {string} text @returns {() => void} puts the title back */
function flash(text) {
  const own = document.title;
  let on = false;
  const timer = setInterval(() => (document.title = (on = !on) ? text : own), FLASH_MS);
  return () => {
    clearInterval(timer);
    document.title = own;
  };
}

/**
 * Rings until the returned function is called.
 * @param {Kind} kind @param {string} [title] to flash
 * @returns {() => void}
 */
export function startRinging(kind, title = "") {
  const context = new AudioContext();
  const once = () => {
    play(context, kind);
    buzz(kind, BUZZ);
  };
  once();
  const timer = setInterval(once, TONES[kind].every);
  const stopFlash = title ? flash(title) : () => {};
  return () => {
    clearInterval(timer);
    stopFlash();
    buzz(kind, 0);
    void context.close();
  };
}
