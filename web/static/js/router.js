/**
 * Addresses and what they mean.
 *
 * @typedef {{page: "home" | "about" | "nowhere"} | {page: "room", room: string}} Route
 */

/** What a room may be called: the same rule as the server's. */
const ROOM = /^[A-Za-z0-9_.-]{1,64}$/;
/** Names that the server keeps for rooms of its own making. */
const RESERVED = /^(\.|[rco]_)/;

/** @param {string} path @returns {Route} */
export function parse(path) {
  if (path === "/") return { page: "home" };
  if (path === "/about") return { page: "about" };
  const room = /^\/r\/([^/]+)\/?$/.exec(path)?.[1];
  return room && ROOM.test(room) ? { page: "room", room } : { page: "nowhere" };
}

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
