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
 * One HTTP request to the server; answers that are not 2xx become a
 * ProtocolError, an unreachable server one with code "unreachable".
 * @param {string} path @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function call(path, init) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout?.(LIMIT_MS), cache: "no-store", ...init });
  } catch {
    throw new ProtocolError("unreachable", "");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw body?.error ? toError(body.error) : new ProtocolError("internal", "");
}

/** @returns {Promise<Config>} what the server tells everybody */
export const getConfig = () => call("/config");

/** @param {Credentials} credentials @returns {Promise<Login>} */
export const login = (credentials) =>
  call("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  });

export const logout = () => call("/logout", { method: "POST" });
