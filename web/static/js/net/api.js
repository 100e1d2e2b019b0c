import { ProtocolError, toError } from "./errors.js";

/** A server that does not answer within this time is treated as unreachable. */
const LIMIT_MS = 10_000;

/**
 * @typedef {object} Config
 * @property {string} name
 * @property {string} build
 * @property {{mode: "open" | "password" | "users" | "token"}} auth
 * @property {import("./types.js").Limits} limits
 * @property {string[]} features
 *
 * @typedef {{name?: string, password?: string, token?: string}} Credentials
 * @typedef {{user: import("./types.js").User, token: string, expiresAt: string}} Login
 */

/**
 * Where a request goes and as whom. Without `server` it is this page's own,
 * with its cookie; with one it is that origin, and the token alone counts.
 * @typedef {{server?: string, token?: string}} At
 */

/** @param {string} path @param {RequestInit} init @param {At} at */
function ask(path, init, { server, token }) {
  const headers = { ...init.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const credentials = server ? "omit" : "same-origin";
  return fetch((server ?? "") + path, { signal: AbortSignal.timeout?.(LIMIT_MS), cache: "no-store", credentials, ...init, headers });
}

/**
 * One HTTP request to a server; answers that are not 2xx become a
 * ProtocolError, an unreachable server one with code "unreachable".
 * @param {string} path @param {RequestInit} init @param {At} at
 * @returns {Promise<any>}
 */
export async function call(path, init, at) {
  let response;
  try {
    response = await ask(path, init, at);
  } catch {
    throw await unanswered(at);
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw body?.error ? toError(body.error) : new ProtocolError("internal", "");
}

/**
 * Why there was no answer. The browser does not tell a page of another origin
 * whether it was refused, but the SDK's own files are open to all of them.
 * @param {At} at @returns {Promise<ProtocolError>}
 */
async function unanswered({ server }) {
  if (!server) return new ProtocolError("unreachable", "The server does not answer.");
  const alive = server !== location.origin && (await ask("/sdk/parley.js", {}, { server }).catch(() => null));
  if (!alive || !alive.ok) return new ProtocolError("unreachable", `${server} does not answer.`);
  return new ProtocolError("bad_origin", `${server} does not let pages of ${location.origin} in. ` +
    `Whoever runs it can add "${location.origin}" to http.allowed_origins.`);
}

/** @param {At} [at] @returns {Promise<Config>} what the server tells everybody */
export const getConfig = (at = {}) => call("/config", {}, at);

/** @param {Credentials} credentials @param {At} [at] @returns {Promise<Login>} */
export const login = (credentials, at = {}) =>
  call("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  }, at);

/**
 * Leaves what /test found with the administrator.
 * @param {object} report @returns {Promise<{code: string}>} a short code to tell
 */
export const leaveReport = (report) =>
  call("/reports", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(report) }, {});

/** Also while the page goes away. @param {At} [at] */
export const logout = (at = {}) => call("/logout", { method: "POST", keepalive: true }, at);
