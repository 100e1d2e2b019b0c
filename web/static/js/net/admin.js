import { call } from "./api.js";

/**
 * What the server tells administrators, over /admin/api.
 *
 * @typedef {{uptime_s: number, sessions: number, rooms: number, relays: number, bytes_up: number, bytes_down: number}} Overview
 * @typedef {{id: string, user: string, name: string, transport: string, client: string, relay: string, since: string, expiresAt: string, bytes_up: number, bytes_down: number}} RelayRow
 * @typedef {{peer: string, user: string, name: string, client: string, since: string, rooms: string[]}} SessionRow
 * @typedef {{room: string, kind: string, locked: boolean, peers: number, since: string}} RoomRow
 * @typedef {{code: string, at: string, report: any}} LeftReport
 * @typedef {{paths: Record<string, number> | null, failed_steps: Record<string, number> | null, setup_ms: number, left?: LeftReport[]}} Reports
 * @typedef {{overview: Overview, relays: RelayRow[], sessions: SessionRow[], rooms: RoomRow[], reports: Reports, at: number}} Look
 * @typedef {{name: string, room: string, ttl: string, relay: boolean, role: string}} InviteWish
 */

const BASE = "/admin/api/";

/** @returns {Promise<Look>} everything at once; rejects with a ProtocolError */
export async function look() {
  const [overview, relays, sessions, rooms, reports] = await Promise.all(
    ["overview", "relays", "sessions", "rooms", "reports"].map((name) => call(BASE + name, {}, {})),
  );
  return { overview, relays, sessions, rooms, reports, at: Date.now() };
}

/** @param {string} id */
export const endRelay = (id) => call(`${BASE}relays/${encodeURIComponent(id)}`, { method: "DELETE" }, {});

/** @param {string} user */
export const signOutUser = (user) => call(`${BASE}users/${encodeURIComponent(user)}/sessions`, { method: "DELETE" }, {});

/** @param {InviteWish} wish @returns {Promise<{token: string, link: string, expiresAt: string}>} */
export const makeInvite = (wish) =>
  call(`${BASE}invites`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) }, {});
