/**
 * Which step of setting up a connection is the one that fails, as one word
 * that the server counts and the page explains.
 *
 * @typedef {"signaling" | "gathering" | "checking" | "dtls" | "media"} SetupStep
 *   signaling: no answer came; gathering: no address of our own was found; checking: no pair of addresses
 *   works; dtls: a pair works but the encryption does not start; media: all stands and nothing comes
 *
 * @typedef {object} Found  own addresses that a connection has had, also before its last search: the description names those of that alone
 * @property {boolean} any
 * @property {boolean} relay  so the relay can be reached from here
 */

/**
 * @param {RTCPeerConnection} pc
 * @param {Found} found
 * @returns {SetupStep} the first step that is not done
 */
export function stepOf(pc, found) {
  if (!pc.remoteDescription) return "signaling";
  // Where only the relay may be used, no address means that it was not reached.
  const relayOnly = pc.getConfiguration?.().iceTransportPolicy === "relay";
  if (!relayOnly && !found.any) return "gathering";
  if (pc.iceConnectionState !== "connected" && pc.iceConnectionState !== "completed") return "checking";
  return pc.connectionState === "connected" ? "media" : "dtls";
}

/**
 * The doors of the relay, as somebody who minds a firewall calls them.
 * @param {readonly RTCIceServer[]} servers @returns {string[]} "UDP 3478", "TCP 443"
 */
export function relayDoors(servers) {
  const doors = servers.flatMap(({ urls }) => [urls].flat()).flatMap((url) => {
    const [, scheme, port, transport] = /^(turns?):.+?(?::(\d+))?(?:\?transport=(udp|tcp))?$/.exec(url) ?? [];
    if (!scheme) return [];
    const kind = transport ?? (scheme === "turns" ? "tcp" : "udp");
    return [`${kind.toUpperCase()} ${port ?? (scheme === "turns" ? 5349 : 3478)}`];
  });
  return [...new Set(doors)];
}
