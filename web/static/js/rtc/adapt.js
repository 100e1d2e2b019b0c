/**
 * How much is sent. WebRTC's own congestion control does the fast work; this
 * sets ceilings, since in a mesh everybody's uplink is shared by all the others.
 */

/** Bits a second for the camera to each person, by the number of others. */
const CAMERA_BPS = [1_700_000, 1_700_000, 900_000, 500_000, 300_000, 200_000];

/** @param {number} others @returns {number} bits a second */
export const cameraCeiling = (others) => CAMERA_BPS[Math.min(others, CAMERA_BPS.length - 1)] ?? 0;

/**
 * Sets the ceiling of one sender; before it is negotiated there is nothing to set.
 * @param {RTCRtpSender | undefined} sender @param {number} maxBitrate  bits a second
 */
export async function limit(sender, maxBitrate) {
  const parameters = sender?.getParameters?.();
  const encoding = parameters?.encodings?.[0];
  if (!sender || !parameters || !encoding || encoding.maxBitrate === maxBitrate) return;
  encoding.maxBitrate = maxBitrate;
  try {
    await sender.setParameters(parameters);
  } catch {
    // Negotiation changed the parameters in between; the next change sets it.
  }
}
