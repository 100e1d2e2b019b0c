/**
 * Which step of setting up a connection is the one that fails, as one word
 * that the server counts and the page explains.
 *
 * @typedef {"signaling" | "gathering" | "checking" | "dtls" | "media"} SetupStep
 *   signaling: no answer came; gathering: no address of our own was found; checking: no pair of addresses
 *   works; dtls: a pair works but the encryption does not start; media: all stands and nothing comes
 */

/** @param {RTCPeerConnection} pc @returns {SetupStep} the first step that is not done */
export function stepOf(pc) {
  if (!pc.remoteDescription) return "signaling";
  if (!/^a=candidate:/m.test(pc.localDescription?.sdp ?? "")) return "gathering";
  if (pc.iceConnectionState !== "connected" && pc.iceConnectionState !== "completed") return "checking";
  return pc.connectionState === "connected" ? "media" : "dtls";
}
