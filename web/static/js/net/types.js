/**
 * The shapes of the wire protocol `parley.v1`, as types only. Fields that the
 * client does not use are left out; unknown ones are ignored everywhere.
 *
 * @typedef {{user: string, name: string, guest: boolean, roles: string[], relay: boolean, room: string | null}} User
 * @typedef {User & {peer: string}} You
 * @typedef {{peer: string, user: string, name: string, guest: boolean, order: number, since: number, away?: boolean}} RoomPeer
 * @typedef {{room: string, kind: "link" | "call" | "offer", title: string, max: number, locked: boolean, pass: boolean, host: string, order: number, peers: RoomPeer[]}} Room
 * @typedef {{locked: boolean, pass: boolean, full: boolean, names: string[]}} Inside   what room.look says of a room before one enters
 * @typedef {{offer: string, by: RoomPeer, title: string, media?: {audio?: boolean, video?: boolean}, for: string, at: number, expires: number}} Offer
 * @typedef {{from: {user: string, name: string}, at: number}} MissedCall
 * @typedef {{user: string, name: string, guest: boolean, status: string, tabs?: number}} Person
 * @typedef {{iceServers: RTCIceServer[], iceTransportPolicy: RTCIceTransportPolicy, ttl: number, expiresAt: string}} Ice
 * @typedef {{room_max: number, msg_bytes: number, ring_ms: number, offer_ttl_ms: number}} Limits
 *
 * @typedef {object} Welcome
 * @property {"welcome"} t
 * @property {number} v
 * @property {boolean} resumed
 * @property {number} last_id   highest request id that the server processed
 * @property {You} you
 * @property {string} epoch
 * @property {string} build
 * @property {number} ping_ms
 * @property {number} grace_ms
 * @property {Ice} ice
 * @property {Limits} limits
 * @property {string[]} features
 * @property {MissedCall[]} [missed]
 * @property {Room[]} [rooms]
 *
 * @typedef {object} SignalData
 * @property {string} pc                                 id of the sender's RTCPeerConnection
 * @property {string} [re]                               id of the receiver's RTCPeerConnection that it is meant for, once known
 * @property {RTCSessionDescriptionInit} [description]
 * @property {RTCIceCandidateInit[]} [candidates]
 * @property {null} [candidate]                          present: no more candidates
 * @property {"offer"} [need]
 *
 * @typedef {{t: "room.peer", n: number, room: string, ev: "join" | "leave" | "away" | "back" | "update", peer: RoomPeer, reason?: string}} RoomPeerEvent
 * @typedef {{t: "call.ring", n: number, call: string, from: RoomPeer, media?: {audio?: boolean, video?: boolean}, expires: number}} RingEvent
 * @typedef {{t: "call.update", n: number, call: string, state: "ringing" | "accepted"}} CallUpdate
 * @typedef {{t: "call.end", n: number, call: string, reason: string, by?: string, note?: string}} CallEnd
 * @typedef {{t: "room.knock", n: number, room: string, peer: RoomPeer, note?: string}} KnockEvent
 * @typedef {{t: "room.admitted", n: number, room: string, allow: boolean}} AdmittedEvent
 * @typedef {{t: "signal", n: number, room: string, from: string, data: SignalData, replay?: boolean}} SignalEvent
 * @typedef {{t: "users", n: number, changed: Person[]}} UsersEvent
 * @typedef {{t: "ice", n: number, ice: Ice}} IceEvent
 * @typedef {{t: "bye", code: string, retry_ms?: number}} Bye
 * @typedef {{t: "error", re?: number, n?: number, code: string, message: string, retry_ms?: number}} ErrorFrame
 *
 * @typedef {{t: string, n?: number, re?: number, id?: number, ack?: number, [field: string]: any}} Frame
 */
export {};
