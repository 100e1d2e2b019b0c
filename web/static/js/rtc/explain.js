/**
 * Failures in words: every function gives keys of the language files, and what
 * a person can do. Nothing here shows anything.
 *
 * @typedef {"retry" | "reload" | "without"} Action
 * @typedef {object} Explanation
 * @property {string} title     key
 * @property {string[]} steps   keys, in order
 * @property {Action[]} actions
 * @property {Record<string, string>} [values]   for the keys
 */

/** @param {string} ua @returns {"ios" | "android" | "firefox" | "safari" | "chrome"} */
export function browserOf(ua) {
  if (/iPhone|iPad|iPod/.test(ua)) return "ios";
  if (/Android/.test(ua)) return "android";
  if (/Firefox\//.test(ua)) return "firefox";
  return /Safari\//.test(ua) && !/Chrom(e|ium)\//.test(ua) ? "safari" : "chrome";
}

/** @param {string} ua @returns {"mac" | "windows" | "other"} */
const systemOf = (ua) => (/Mac OS X/.test(ua) ? "mac" : /Windows/.test(ua) ? "windows" : "other");

/**
 * @typedef {"mic" | "cam"} Device
 * @typedef {{ua: string, origin: string, embedded?: boolean}} Env   embedded: the page around this one forbids the device
 * @typedef {(device: Device, message: string, env: Env) => Explanation} Rule
 */

/** @type {Rule} */
function notAllowed(device, message, env) {
  if (/by system/i.test(message)) {
    return { title: `device.system.${device}`, steps: [`device.system.steps.${systemOf(env.ua)}`], actions: ["retry"] };
  }
  if (env.embedded) return { title: `device.embedded.${device}`, steps: ["device.embedded.steps"], actions: ["without"] };
  if (/dismissed/i.test(message)) {
    return { title: `device.dismissed.${device}`, steps: ["device.dismissed.steps"], actions: ["retry", "without"] };
  }
  const steps = [`device.blocked.steps.${browserOf(env.ua)}`, "device.blocked.reload"];
  return { title: `device.blocked.${device}`, steps, actions: ["retry", "without"] };
}

/** Nobody reads and answers a question faster than this. */
const PERSON_MS = 300;

/** @type {(name: string, ...actions: Action[]) => Rule} */
const plain = (name, ...actions) => (device) => ({
  title: `device.${name}.${device}`,
  steps: [`device.${name}.steps`],
  actions,
});

/** Why there is no track, by the name of the error. @type {Record<string, Rule>} */
const RULES = {
  InsecureContext: (device, _, env) => ({
    title: `device.insecure.${device}`,
    steps: ["device.insecure.steps"],
    actions: [],
    values: { url: env.origin.replace(/^http:/, "https:") },
  }),
  NotAllowedError: notAllowed,
  SecurityError: plain("forbidden", "without"),
  NotFoundError: plain("missing", "retry", "without"),
  NotReadableError: (device) => ({ title: `device.taken.${device}`, steps: ["device.taken.steps", "device.taken.again"], actions: ["retry", "without"] }),
  AbortError: plain("failed", "retry", "without"),
  OverconstrainedError: plain("missing", "retry", "without"),
  InvalidStateError: plain("failed", "retry"),
  Ended: plain("ended", "retry", "without"),
};

/** Older names of the same. @type {Record<string, string>} */
const ALIASES = {
  TrackStartError: "NotReadableError",
  DevicesNotFoundError: "NotFoundError",
  PermissionDeniedError: "NotAllowedError",
  ConstraintNotSatisfiedError: "OverconstrainedError",
};

/**
 * Why a camera or microphone did not open.
 * @param {unknown} error @param {Device} device @param {Env} env
 * @returns {Explanation}
 */
export function explainDevice(error, device, env) {
  const { name = "", message = "" } = /** @type {{name?: string, message?: string}} */ (error ?? {});
  const rule = RULES[ALIASES[name] ?? name] ?? plain("failed", "retry", "without");
  return rule(device, message, env);
}

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

/** Refusals with a text of their own; the rest show the server's sentence. */
const REFUSALS = new Set([
  "bad_name", "name_taken", "wrong_credentials", "unauthorized", "forbidden", "rate_limited", "room_full",
  "room_locked", "bad_password", "not_found", "denied", "server_full", "draining", "internal", "unreachable",
  "bad_origin", "logged_out", "version", "too_big", "lost", "closed",
]);

/**
 * @param {{code?: string, message?: string, retryMs?: number}} error  a refusal by the server
 * @returns {{key: string, values: Record<string, string | number>}}
 */
export function explainRefusal({ code = "internal", message = "", retryMs = 0 }) {
  const values = { seconds: Math.max(1, Math.ceil(retryMs / 1000)), message };
  if (code === "rate_limited" && !retryMs) return { key: "error.rate_limited.soon", values };
  if (REFUSALS.has(code)) return { key: `error.${code}`, values };
  return { key: message ? "error.other" : "error.internal", values };
}
