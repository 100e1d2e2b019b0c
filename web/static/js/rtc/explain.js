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
export const systemOf = (ua) => (/Mac OS X/.test(ua) ? "mac" : /Windows/.test(ua) ? "windows" : "other");

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
