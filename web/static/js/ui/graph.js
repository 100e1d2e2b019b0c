import { t } from "../i18n.js";
import { html } from "./html.js";

const WIDTH = 240;
const HEIGHT = 48;
/** Seconds from one end to the other. */
const SPAN = 60;
/** The scale never gets finer than this, so that a few milliseconds do not look like mountains. */
const LEAST_MS = 50;

/**
 * Round trips of the last minute, the newest at the end. The figures stand
 * beside it in words.
 * @param {{values: readonly number[]}} props  milliseconds, one a second; NaN where unknown
 */
export function RoundTrips({ values }) {
  const known = values.filter((ms) => !Number.isNaN(ms));
  if (known.length < 2) return null;
  const top = Math.max(LEAST_MS, ...known);
  const start = SPAN - values.length;
  const points = values
    .map((ms, i) => (Number.isNaN(ms) ? "" : `${((start + i + 1) / SPAN) * WIDTH},${HEIGHT - 2 - (ms / top) * (HEIGHT - 6)}`))
    .filter(Boolean);
  const [least, most] = [Math.round(Math.min(...known)), Math.round(Math.max(...known))];
  return html`
    <figure class="graph">
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true"><polyline points=${points.join(" ")} /></svg>
      <figcaption class="muted small">${t("connection.minute", { least, most })}</figcaption>
    </figure>`;
}
