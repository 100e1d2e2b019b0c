/**
 * Getting a camera or a microphone from the browser.
 *
 * @typedef {"audio" | "video"} Kind
 * @typedef {{tracks: Partial<Record<Kind, MediaStreamTrack>>, errors: Partial<Record<Kind, unknown>>}} Captured
 */

/** What is asked of each kind of device. @type {Record<Kind, MediaTrackConstraints>} */
const WANTED = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
};

/** A device is wanted by its id, or by the side of the phone that it is on. */
const SIDES = new Set(["user", "environment"]);

/** @param {Kind} kind @param {string} [id] @returns {MediaTrackConstraints} */
function constraint(kind, id) {
  if (!id) return WANTED[kind];
  return { ...WANTED[kind], ...(SIDES.has(id) ? { facingMode: { exact: id } } : { deviceId: { exact: id } }) };
}

/**
 * Asks for one or both kinds at once; when that fails, for each alone, so that
 * one missing device does not take the other with it.
 * @param {Partial<Record<Kind, string>>} ids  wanted kinds with the id of a device, "" for any; a camera also
 *   "user" or "environment", the front or the back of a phone
 * @returns {Promise<Captured>}
 */
export async function capture(ids) {
  const kinds = /** @type {Kind[]} */ (Object.keys(ids));
  if (!navigator.mediaDevices) {
    const error = new DOMException("", "InsecureContext");
    return { tracks: {}, errors: Object.fromEntries(kinds.map((kind) => [kind, error])) };
  }
  try {
    return { tracks: await ask(ids), errors: {} };
  } catch (error) {
    return kinds.length === 1 ? alone(kinds[0] ?? "audio", ids, error) : each(kinds, ids);
  }
}

/** @param {Kind[]} kinds @param {Partial<Record<Kind, string>>} ids @returns {Promise<Captured>} */
async function each(kinds, ids) {
  /** @type {Captured} */
  const all = { tracks: {}, errors: {} };
  for (const kind of kinds) {
    const one = await capture({ [kind]: ids[kind] });
    Object.assign(all.tracks, one.tracks);
    Object.assign(all.errors, one.errors);
  }
  return all;
}

/**
 * A remembered device that has gone is not an error: any other will do.
 * @param {Kind} kind @param {Partial<Record<Kind, string>>} ids @param {unknown} error
 * @returns {Promise<Captured>}
 */
async function alone(kind, ids, error) {
  const name = error instanceof DOMException ? error.name : "";
  if (ids[kind] && (name === "OverconstrainedError" || name === "NotFoundError")) return capture({ [kind]: "" });
  return { tracks: {}, errors: { [kind]: error } };
}

/** @param {Partial<Record<Kind, string>>} ids */
async function ask(ids) {
  /** @type {MediaStreamConstraints} */
  const constraints = {};
  for (const kind of /** @type {Kind[]} */ (Object.keys(ids))) constraints[kind] = constraint(kind, ids[kind]);
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  /** @type {Partial<Record<Kind, MediaStreamTrack>>} */
  const tracks = {};
  for (const track of stream.getTracks()) tracks[/** @type {Kind} */ (track.kind)] = track;
  return tracks;
}

/**
 * The devices there are; without permission browsers give no names, and one
 * nameless entry of each kind at most.
 * @returns {Promise<{audio: MediaDeviceInfo[], video: MediaDeviceInfo[], output: MediaDeviceInfo[]}>}
 */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const of = (/** @type {string} */ kind) => all.filter((device) => device.kind === kind && device.deviceId);
  return { audio: of("audioinput"), video: of("videoinput"), output: of("audiooutput") };
}

/**
 * Whether the browser has been told already: it then asks nobody.
 * @returns {Promise<Record<Kind, PermissionState | "unknown">>}
 */
export async function permissions() {
  const state = async (/** @type {string} */ name) => {
    try {
      return (await navigator.permissions.query({ name: /** @type {PermissionName} */ (name) })).state;
    } catch {
      return /** @type {const} */ ("unknown");
    }
  };
  return { audio: await state("microphone"), video: await state("camera") };
}
