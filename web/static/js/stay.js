/**
 * What a tab remembers of the call it is in, so that a reload comes back into
 * it without the lobby. It lives in sessionStorage: no other tab sees it, and
 * it goes with the tab.
 *
 * @typedef {object} Stay
 * @property {string} room
 * @property {"link" | "call" | "offer"} kind
 * @property {string} label                              whom one talks to
 * @property {import("./state.js").Contact | null} other
 * @property {{title?: string, locked?: boolean, max?: number, guarded?: boolean}} settings  of a room, to be made anew when
 *   nobody was left in it; guarded: it had a password, which is not kept: browsers write this storage to the disk
 * @property {boolean} mic                                whether it was on
 * @property {boolean} cam
 * @property {import("./board.js").Posting | null} posting  the open call that waits
 */

const KEY = "parley.stay";
/** A tab that comes back later is a new visit: it gets the lobby. */
const LIMIT_MS = 60_000;

/** @param {Stay} stay */
export function keepStay(stay) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ ...stay, at: Date.now() }));
  } catch {
    // Forbidden storage: a reload gets the lobby.
  }
}

export function dropStay() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // There is none then.
  }
}

/** @returns {Stay | null} of this tab before it was loaded anew; once */
export function takeStay() {
  try {
    const stay = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    dropStay();
    const fits = typeof stay?.room === "string" && typeof stay.at === "number" && Date.now() - stay.at < LIMIT_MS;
    return fits ? { kind: "link", label: "", other: null, settings: {}, posting: null, ...stay, mic: stay.mic === true, cam: stay.cam === true } : null;
  } catch {
    return null;
  }
}
