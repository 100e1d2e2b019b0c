/**
 * What this browser remembers for its person: conveniences only, never a
 * secret. Where storage is forbidden, it is kept for as long as the page lives.
 *
 * @typedef {object} Prefs
 * @property {string} name       the last guest name
 * @property {string} mic        device ids, "" for the default
 * @property {string} cam
 * @property {string} speaker
 * @property {boolean} micOn
 * @property {boolean} camOn
 * @property {boolean} relayOnly
 */

const KEY = "parley.prefs";

/** @type {Prefs} */
const DEFAULTS = { name: "", mic: "", cam: "", speaker: "", micOn: true, camOn: true, relayOnly: false };

/** @returns {Prefs} */
export function loadPrefs() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const known = Object.entries(DEFAULTS).map(([key, value]) => [key, typeof stored[key] === typeof value ? stored[key] : value]);
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
