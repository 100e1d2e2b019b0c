import { systemOf } from "./explain.js";

/**
 * What fails inside a call, in words: as keys of the language files, like explain.js.
 *
 * @typedef {import("./explain.js").Action} Action
 * @typedef {import("./explain.js").Env} Env
 * @typedef {import("./explain.js").Explanation} Explanation
 */

/** Nobody reads and answers a question faster than this. */
const PERSON_MS = 300;

/**
 * Why a screen is not shared. A person who says no is not told so.
 * @param {unknown} error @param {number} ms  how soon the browser refused @param {Env} env
 * @returns {Explanation | null}
 */
export function explainShare(error, ms, env) {
  const { name = "", message = "" } = /** @type {{name?: string, message?: string}} */ (error ?? {});
  /** @type {Action[]} */
  const actions = ["retry"];
  if (name === "NotAllowedError") {
    // Too soon for a person: the system forbids it to the browser.
    const system = ms < PERSON_MS || /system/i.test(message);
    return system ? { title: "share.system", steps: [`share.system.steps.${systemOf(env.ua) === "mac" ? "mac" : "other"}`], actions } : null;
  }
  if (name === "AbortError" || name === "InvalidStateError") return { title: "share.failed", steps: ["share.failed.steps"], actions };
  if (name === "NotFoundError") return { title: "share.missing", steps: ["share.failed.steps"], actions };
  if (name === "NotReadableError") return { title: "share.refused", steps: ["share.refused.steps"], actions };
  return { title: "share.failed", steps: ["share.failed.steps"], actions };
}

/**
 * Why two people's media does not meet.
 * @param {{relayOnly: boolean, relays: boolean, iceErrors: readonly number[], step?: import("./diagnose.js").SetupStep | "", away?: boolean, offline?: boolean, relay?: boolean, doors?: readonly string[]}} facts
 *   relays: the server gave TURN addresses; iceErrors: codes of icecandidateerror; step: of setting up that failed;
 *   away: the other side has lost the server too; offline: this side has; relay: it could be reached; doors: its ports, as "UDP 3478"
 * @returns {Explanation}
 */
export function explainPath({ relayOnly, relays, iceErrors, step = "", away = false, offline = false, relay = false, doors = [] }) {
  /** @type {Action[]} */
  const actions = ["retry"];
  if (relayOnly && !relays) return { title: "path.norelay", steps: ["path.norelay.steps"], actions };
  if (offline) return { title: "path.offline", steps: ["path.offline.steps"], actions };
  if (away) return { title: "path.away", steps: ["path.away.steps"], actions };
  // Servers differ: some say 400 to a credential that they do not know.
  if (iceErrors.some((code) => code === 400 || code === 401)) {
    return { title: "path.credentials", steps: ["path.credentials.steps"], actions: ["reload"] };
  }
  if (iceErrors.some((code) => code === 486 || code === 508)) {
    return { title: "path.busy", steps: ["path.busy.steps"], actions };
  }
  if (relays && step === "checking") {
    const title = relay ? "path.silent" : "path.closed";
    return { title, steps: [`${title}.steps`, `${title}.admin`], actions, values: { doors: doors.join(", ") } };
  }
  if (relays && iceErrors.includes(701)) return { title: "path.blocked", steps: ["path.blocked.steps"], actions };
  const early = STEPS[step];
  if (early) return { title: early, steps: [`${early}.steps`], actions };
  if (!relays) return { title: "path.direct", steps: ["path.direct.steps"], actions };
  return { title: "path.unknown", steps: ["path.unknown.steps"], actions };
}

/** What failed before any packet was tried, or after one came through. @type {Record<string, string | undefined>} */
const STEPS = { signaling: "path.signaling", gathering: "path.gathering", dtls: "path.dtls" };
