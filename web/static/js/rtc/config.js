/** Whether an address is a relay's. @param {RTCIceServer} server */
const isRelay = ({ urls }) => [urls].flat().some((url) => url.startsWith("turn"));

/**
 * What a connection is told of the servers, and which ways it may take.
 * @param {import("../net/types.js").Ice} ice
 * @param {{relayOnly: boolean, relay: boolean, certificates?: RTCCertificate[]}} wish
 *   relayOnly: show nobody one's address; relay: try the relay alone, where there is one
 * @returns {RTCConfiguration}
 */
export function configOf({ iceServers, iceTransportPolicy = "all" }, { relayOnly, relay, certificates }) {
  const policy = relayOnly || (relay && iceServers.some(isRelay)) ? "relay" : iceTransportPolicy;
  return { iceServers, iceTransportPolicy: policy, ...(certificates && { certificates }) };
}
