import { CHECKS, run } from "./checks.js";

/**
 * When a call does not come back: whose side is it on? A few checks of /test,
 * without a page.
 *
 * @typedef {"there" | "relay" | "server" | "here"} Side
 *   there: all is well on this side; relay: the server answers, its relay does not; server: the relay answers, the
 *   server does not; here: nothing answers
 */

/** What tells the most in the least time, and what is asked only where that fails. */
const FIRST = ["signaling", "stun", "turn-udp"];
const THEN = ["turn-tcp", "turn-tls"];

/** @param {Record<string, string | undefined>} states  by check @returns {Side} */
export function judge(states) {
  const ok = (/** @type {string} */ id) => states[id] === "pass" || states[id] === "warn";
  const relays = ["turn-udp", ...THEN].filter((id) => states[id] !== undefined && states[id] !== "skipped");
  const relayed = relays.some(ok);
  if (!ok("signaling")) return relayed || ok("stun") ? "server" : "here";
  return relays.length ? (relayed ? "there" : "relay") : states.stun === "fail" ? "relay" : "there";
}

/**
 * @param {import("./checks.js").Context} context @param {AbortSignal} signal
 * @returns {Promise<Side | null>} null: stopped
 */
export async function whose(context, signal) {
  /** @type {Record<string, string>} */
  const states = {};
  const look = (/** @type {string[]} */ ids) =>
    run(CHECKS.filter(({ id }) => ids.includes(id)), context, (row) => void (states[row.id] = row.state), signal);
  await look(FIRST);
  if (states["turn-udp"] !== "pass") await look(THEN);
  return signal.aborted ? null : judge(states);
}
