import { meter } from "../rtc/level.js";
import { Timeout, within } from "./loop.js";

/** How long the microphone is listened to. */
const LISTEN_MS = 3_000;

/** How long a person may take for the browser's question, which may hide behind a window. */
const ANSWER_MS = 30_000;

/**
 * Asks for a device. A question that is never answered counts as put away; what comes too late is closed.
 * @param {MediaStreamConstraints} wanted @returns {Promise<MediaStream>}
 */
export async function ask(wanted) {
  const asked = navigator.mediaDevices.getUserMedia(wanted);
  try {
    return await within(asked, ANSWER_MS);
  } catch (error) {
    if (!(error instanceof Timeout)) throw error;
    asked.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => {});
    throw new DOMException("Permission dismissed", "NotAllowedError");
  }
}

/**
 * Listens to the microphone and keeps the loudest moment.
 * @param {(level: number) => void} tell  0 to 1, while it listens
 * @returns {Promise<{level: number, label: string}>}
 */
export async function listen(tell) {
  const stream = await ask({ audio: true });
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
