/**
 * The fixed media layout: four transceivers, made once, in this order, on both
 * sides. Tracks come and go by replaceTrack alone, so a call needs one offer.
 *
 * @typedef {"mic" | "cam" | "screen" | "screenAudio"} Slot
 * @typedef {Record<Slot, MediaStreamTrack | null>} Tracks
 */

/** @type {readonly {slot: Slot, kind: "audio" | "video", group: "main" | "screen"}[]} */
export const LAYOUT = [
  { slot: "mic", kind: "audio", group: "main" },
  { slot: "cam", kind: "video", group: "main" },
  { slot: "screen", kind: "video", group: "screen" },
  { slot: "screenAudio", kind: "audio", group: "screen" },
];

/** @returns {Tracks} */
export const noTracks = () => ({ mic: null, cam: null, screen: null, screenAudio: null });

/** Empty streams: only their ids matter, they tell the other side which tracks belong in step. */
const groups = () => ({ main: new MediaStream(), screen: new MediaStream() });

/**
 * The offering side makes the transceivers.
 * @param {RTCPeerConnection} pc @param {Tracks} tracks
 */
export function createLayout(pc, tracks) {
  const streams = groups();
  for (const { slot, kind, group } of LAYOUT) {
    pc.addTransceiver(tracks[slot] ?? kind, { direction: "sendrecv", streams: [streams[group]] });
  }
}

/**
 * The answering side takes those that the offer made.
 * @param {RTCPeerConnection} pc @param {Tracks} tracks
 */
export function adoptLayout(pc, tracks) {
  const streams = groups();
  const transceivers = pc.getTransceivers();
  LAYOUT.forEach(({ slot, group }, i) => {
    const transceiver = transceivers[i];
    if (!transceiver || transceiver.direction === "sendrecv") return;
    transceiver.direction = "sendrecv";
    transceiver.sender.setStreams?.(streams[group]);
    transceiver.sender.replaceTrack(tracks[slot]).catch(() => {}); // closed meanwhile: the next one begins with what is sent by then
  });
}

/**
 * @param {RTCPeerConnection} pc @param {Slot} slot
 * @returns {RTCRtpTransceiver | undefined}
 */
export function transceiverOf(pc, slot) {
  return pc.getTransceivers()[LAYOUT.findIndex((item) => item.slot === slot)];
}

/**
 * The tracks that come from the other side; none before the layout stands.
 * @param {RTCPeerConnection} pc
 * @returns {Tracks}
 */
export function remoteTracks(pc) {
  const tracks = noTracks();
  for (const { slot } of LAYOUT) tracks[slot] = transceiverOf(pc, slot)?.receiver.track ?? null;
  return tracks;
}
