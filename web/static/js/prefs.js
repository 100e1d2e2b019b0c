/**
 * What this browser remembers for its person: conveniences only, never a
 * secret. Where storage is forbidden, it is kept for as long as the page lives.
 *
 * @typedef {object} Prefs
 * @property {string} lang       "" as the browser wishes
 * @property {string} name       the last guest name
 * @property {string} mic        device ids, "" for the default
 * @property {string} cam
 * @property {string} speaker
 * @property {boolean} micOn
 * @property {boolean} camOn
 * @property {boolean} relayOnly
 * @property {"available" | "away" | "dnd"} status  as last chosen
 * @property {"ring" | "busy"} callWaiting  what a second call does
 * @property {boolean} notify     tell of calls while the page is hidden, where the browser may
 * @property {string[]} muted     users whose calls do not ring
 * @property {number} missedSeen  missed calls up to then were dismissed, in Unix seconds
 * @property {string} dataUse    "auto", "low" or "audio"
 * @property {import("./rtc/codecs.js").Codec} codec  for pictures
 * @property {boolean} keys      single keys act in a call
 */

const KEY = "parley.prefs";

/** @type {Prefs} */
const DEFAULTS = {
  lang: "", name: "", mic: "", cam: "", speaker: "", micOn: true, camOn: true, relayOnly: false, dataUse: "auto", codec: "auto", keys: true,
  status: "available", callWaiting: "ring", notify: true, muted: [], missedSeen: 0,
};

/** @param {unknown} stored @param {unknown} value */
const alike = (stored, value) => typeof stored === typeof value && Array.isArray(stored) === Array.isArray(value);

/** @returns {Prefs} */
export function loadPrefs() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const known = Object.entries(DEFAULTS).map(([key, value]) => [key, alike(stored[key], value) ? stored[key] : value]);
    return Object.fromEntries(known);
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Prefs} prefs */
export function savePrefs(prefs) {
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // Full or forbidden: the choice holds until the page is closed.
  }
}
