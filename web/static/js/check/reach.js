import { gather } from "./loop.js";

/**
 * What can be reached from here, looked up while somebody is in the lobby: one gathering, no connection.
 *
 * @typedef {"both" | "direct" | "relay" | "none"} Reach
 */

/** With a dead port the browser says nothing for half a minute. */
const LIMIT_MS = 4_000;
/** A STUN or TURN server gave no answer (icecandidateerror). */
const SILENT = 701;

/**
 * @param {import("../net/types.js").Ice} ice @param {AbortSignal} [signal]  nobody wants to know any more
 * @param {any} [Connection]  class with the browser's interface
 * @returns {Promise<Reach>}
 */
export async function reach({ iceServers }, signal, Connection) {
  const { found, complete, errors } = await gather(iceServers, LIMIT_MS, Connection, signal);
  const has = (/** @type {string} */ type) => found.some((one) => one.type === type);
  // Without a translator on the way the mapped address is this machine's own, and the browser leaves it out.
  const direct = has("srflx") || (complete && has("host") && !errors.includes(SILENT));
  return has("relay") ? (direct ? "both" : "relay") : direct ? "direct" : "none";
}
