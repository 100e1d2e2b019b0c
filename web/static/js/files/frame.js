/** Frames of the bulk channel: whose bytes, where they belong, the bytes. One without bytes says where the next ones start. */

const HEAD = 12;
/** The largest message that every browser takes in one piece without copying it about. */
const MOST = 256 * 1024;
/** A new link starts small: a slow one should not be filled by a single message. */
export const FIRST_CHUNK = 64 * 1024;

/** @param {number | undefined} maxMessageSize  of the SCTP transport @returns {number} bytes of a file in one frame */
export const largestChunk = (maxMessageSize) => Math.min(maxMessageSize || MOST, MOST) - HEAD;

/** @param {number} handle @param {number} offset @param {ArrayBuffer} bytes @returns {ArrayBuffer} */
export function pack(handle, offset, bytes) {
  const out = new Uint8Array(HEAD + bytes.byteLength);
  const view = new DataView(out.buffer);
  view.setUint32(0, handle);
  view.setBigUint64(4, BigInt(offset));
  out.set(new Uint8Array(bytes), HEAD);
  return out.buffer;
}

/** @param {ArrayBuffer} data @returns {{handle: number, offset: number, bytes: Uint8Array<ArrayBuffer>} | null} null: no frame */
export function unpack(data) {
  if (data.byteLength < HEAD) return null;
  const view = new DataView(data);
  const offset = Number(view.getBigUint64(4));
  return Number.isSafeInteger(offset) ? { handle: view.getUint32(0), offset, bytes: new Uint8Array(data, HEAD) } : null;
}
