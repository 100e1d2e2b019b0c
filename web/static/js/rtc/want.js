/**
 * What one side wants to see of the other: the height of each picture as it is
 * shown, 0 while it is not. The other side sends that and no more.
 *
 * @typedef {{cam: number, screen: number}} Want  in lines
 */

/** Until a page says otherwise: all there is. @type {Want} */
export const EVERYTHING = { cam: 1080, screen: 2160 };

/** More lines than any screen has. */
const MOST = 4320;
/** Small changes of a window are not worth a message. */
const STEP = 60;
/** With little data, pictures are as small as this. */
const LOW_LINES = 180;

/** @param {unknown} value @param {number} otherwise */
const lines = (value, otherwise) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), MOST) : otherwise;

/** @param {any} message  another client's word: judged field by field @returns {Want} */
export function readWant(message) {
  return { cam: lines(message.cam?.h, EVERYTHING.cam), screen: lines(message.screen?.h, EVERYTHING.screen) };
}

/**
 * What to ask for, by what is shown.
 * @param {Want} shown   device pixels
 * @param {"auto" | "low" | "audio"} quality   what the person has chosen
 * @returns {Want}
 */
export function wanted(shown, quality) {
  const cam = quality === "audio" ? 0 : quality === "low" ? Math.min(shown.cam, LOW_LINES) : shown.cam;
  return { cam: round(cam), screen: round(shown.screen) };
}

/** @param {number} h */
const round = (h) => Math.min(Math.ceil(Math.max(h, 0) / STEP) * STEP, MOST);

/** @param {Want} want @returns {object} the fields of the message */
export const wantMessage = ({ cam, screen }) => ({ cam: { h: cam }, screen: { h: screen } });
