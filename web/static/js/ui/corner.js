/** Corners of the stage, one after the other around it: classes of the tile that stands there. */
const CORNERS = ["bottom-end", "bottom-start", "top-start", "top-end"];

/** The next one. @param {string} corner */
export const nextCorner = (corner) => CORNERS[(CORNERS.indexOf(corner) + 1) % CORNERS.length] ?? "";

/**
 * Where the own picture stands until a person moves it.
 * @type {string}
 */
export const CORNER = "bottom-end";

/** @param {Element} tile @returns {string} the corner of what it stands in that is nearest */
function nearest(tile) {
  const [own, all] = [tile, /** @type {Element} */ (tile.parentElement)].map((one) => one.getBoundingClientRect());
  if (!own || !all) return CORNER;
  const right = own.left + own.right > all.left + all.right;
  const low = own.top + own.bottom > all.top + all.bottom;
  return `${low ? "bottom" : "top"}-${right === (document.dir !== "rtl") ? "end" : "start"}`;
}

/**
 * Lets a tile be dragged from one corner to another; to be called as a pointer goes down on it.
 * @param {PointerEvent} event @param {(corner: string) => void} onCorner
 */
export function drag(event, onCorner) {
  const tile = /** @type {HTMLElement} */ (event.currentTarget);
  if (event.button !== 0 || /** @type {Element} */ (event.target).closest("button")) return;
  const { clientX: x, clientY: y, pointerId } = event;
  tile.setPointerCapture(pointerId);
  tile.onpointermove = (now) => void (tile.style.translate = `${now.clientX - x}px ${now.clientY - y}px`);
  tile.onpointerup = tile.onpointercancel = () => {
    const corner = nearest(tile);
    tile.onpointermove = tile.onpointerup = tile.onpointercancel = null;
    tile.style.translate = "";
    onCorner(corner);
  };
}
