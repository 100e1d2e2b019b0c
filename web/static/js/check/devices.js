import { meter } from "../rtc/level.js";

/** How long the microphone is listened to. */
const LISTEN_MS = 3_000;

/**
 * Listens to the microphone and keeps the loudest moment.
 * @param {(level: number) => void} tell  0 to 1, while it listens
 * @returns {Promise<{level: number, label: string}>}
 */
export async function listen(tell) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const [track] = stream.getAudioTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  let level = 0;
  const stop = meter(track, (now) => {
    level = Math.max(level, now);
    tell(now);
  });
  try {
    await new Promise((done) => setTimeout(done, LISTEN_MS));
    return { level: Math.round(level * 100) / 100, label: track.label };
  } finally {
    stop();
    track.stop();
  }
}
