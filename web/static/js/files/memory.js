/**
 * What this tab remembers over a reload: which files were under way, never
 * what is in them.
 *
 * @typedef {import("./send.js").Facts & {room: string, out: boolean, folder: string, at: number}} Unfinished
 *
 * @typedef {object} Memory
 * @property {() => Unfinished[]} load
 * @property {(list: Unfinished[]) => void} save
 */

const KEY = "parley.files";
/** After a day the sender has most likely forgotten too. */
const LIFE_MS = 24 * 60 * 60 * 1000;

/** @param {() => number} now  milliseconds since 1970 @returns {Memory} */
export const tabMemory = (now = Date.now) => ({
  load() {
    try {
      const list = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      return Array.isArray(list) ? list.filter((item) => now() - item?.at < LIFE_MS) : [];
    } catch {
      return [];
    }
  },
  save(list) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(list));
    } catch {
      // Forbidden or full: a reload then starts over.
    }
  },
});
