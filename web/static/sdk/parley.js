/**
 * The protocol and call library of Parley, for pages of other origins:
 *
 *     import { Session, LocalMedia, Mesh, login } from "https://call.example.org/sdk/parley.js";
 *
 * The origin must be listed in `http.allowed_origins`; pass the `token` that
 * /login gave to the Session. Everything here works without this server's pages.
 */
export { Session, SUBPROTOCOL } from "./net/session.js";
export { ProtocolError } from "./net/errors.js";
export { Mesh } from "./rtc/mesh.js";
export { Peer } from "./rtc/peer.js";
export { LAYOUT, noTracks } from "./rtc/layout.js";
export { LocalMedia } from "./rtc/devices.js";
export { explainDevice, explainPath, explainRefusal } from "./rtc/explain.js";
export { meter } from "./rtc/level.js";
export { pathOf } from "./rtc/stats.js";
