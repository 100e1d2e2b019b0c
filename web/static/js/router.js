/**
 * Addresses and what they mean.
 *
 * @typedef {{page: "home" | "about" | "test" | "admin" | "nowhere"} | {page: "room", room: string} | {page: "user", name: string}} Route
 */

/** What a room may be called: the same rule as the server's. */
const ROOM = /^[A-Za-z0-9_.-]{1,64}$/;
/** The longest name that can be meant, in UTF-16 units: 32 characters. */
const MAX_NAME = 64;
/** Names that the server keeps for rooms of its own making. */
const RESERVED = /^(\.|[rco]_)/;

/** @param {string} path @returns {Route} */
export function parse(path) {
  if (path === "/") return { page: "home" };
  if (path === "/about" || path === "/test" || path === "/admin") return { page: /** @type {"about" | "test" | "admin"} */ (path.slice(1)) };
  const name = /^\/u\/([^/]+)\/?$/.exec(path)?.[1];
  if (name) return user(name);
  const room = /^\/r\/([^/]+)\/?$/.exec(path)?.[1];
  return room && ROOM.test(room) ? { page: "room", room } : { page: "nowhere" };
}

/** @param {string} coded @returns {Route} */
function user(coded) {
  try {
    const name = decodeURIComponent(coded).trim();
    return name && name.length <= MAX_NAME ? { page: "user", name } : { page: "nowhere" };
  } catch {
    return { page: "nowhere" }; // not UTF-8
  }
}

/** @param {string} name @returns {string} where this person is called */
export const userPath = (name) => `/u/${encodeURIComponent(name)}`;

/** @param {string} room */
export const roomPath = (room) => `/r/${room}`;

/**
 * Reads what a person typed or pasted: a link to a room, or its name.
 * @param {string} text
 * @returns {string | null} the room; null when it cannot be one
 */
export function roomFrom(text) {
  const trimmed = text.trim();
  const linked = /\/r\/([^/?#\s]+)/.exec(trimmed)?.[1];
  const name = linked ?? trimmed.replace(/\s+/g, "-");
  return ROOM.test(name) && (linked || !RESERVED.test(name)) ? name : null;
}

/**
 * Takes the invite token out of a fragment. The caller removes the fragment
 * from the address at once.
 * @param {string} hash
 * @returns {string | null}
 */
export function inviteFrom(hash) {
  return new URLSearchParams(hash.replace(/^#/, "")).get("t") || null;
}

/** Keeps the address bar and the app together. */
export class Router {
  /** @param {(route: Route) => void} changed */
  constructor(changed) {
    this.changed = changed;
    addEventListener("popstate", () => changed(this.route));
    document.addEventListener("click", (event) => this.#click(event));
  }

  get route() {
    return parse(location.pathname);
  }

  /** @param {string} path @param {{replace?: boolean}} [how] */
  go(path, { replace = false } = {}) {
    if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
    this.changed(this.route);
  }

  /** Links inside the client change the page without loading it anew. @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.target || link.origin !== location.origin || parse(link.pathname).page === "nowhere") return;
    event.preventDefault();
    this.go(link.pathname);
  }
}
