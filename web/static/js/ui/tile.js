import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { classes, html } from "./html.js";
import { Icon } from "./icon.js";
import { Sound, Video } from "./media.js";

/** @typedef {import("../rtc/member.js").View} View */

/** What a tile says about a link that is not as it should be. @param {View} view @returns {string} key, or "" */
function trouble({ phase, away }) {
  if (phase === "connecting") return "tile.connecting";
  if (phase === "stalled") return "tile.stalled";
  if (phase === "reconnecting") return "tile.reconnecting";
  if (phase === "failed") return "tile.failed";
  return away ? "tile.away" : "";
}

/**
 * One other person.
 * @param {{view: View, speaker: string, onBlocked: () => void}} props
 */
export function Tile({ view, speaker, onBlocked }) {
  const { name, state, tracks, phase } = view;
  const key = trouble(view);
  const picture = state.cam && tracks.cam;
  const dimmed = phase === "stalled" || phase === "reconnecting" || phase === "failed";
  return html`
    <section class=${classes({ tile: true, "tile-dim": dimmed })} aria-label=${name} data-peer=${view.id} data-phase=${phase}>
      ${picture ? html`<${Video} track=${tracks.cam} label=${t("tile.video", { name })} />` : html`<div class="tile-empty"><${Avatar} name=${name} size="large" /></div>`}
      <${Sound} track=${tracks.mic} speaker=${speaker} onBlocked=${onBlocked} />
      ${key && html`<p class="tile-trouble"><span class="spinner" aria-hidden="true"></span>${t(key)}</p>`}
      <${Label} name=${name} mic=${state.mic} quality=${phase === "connected" ? view.quality : ""} note=${!key && !picture ? t("tile.camoff") : ""} />
    </section>`;
}

/**
 * Oneself, as the others see one, but mirrored.
 * @param {{name: string, track: MediaStreamTrack | null, mic: boolean, small?: boolean}} props
 */
export const SelfTile = ({ name, track, mic, small = false }) => html`
  <section class=${classes({ tile: true, "tile-self": true, "tile-small": small })} aria-label=${t("tile.you")}>
    ${track ? html`<${Video} track=${track} mirrored=${true} label=${t("tile.you")} />` : html`<div class="tile-empty"><${Avatar} name=${name} size=${small ? "small" : "large"} /></div>`}
    <${Label} name=${t("tile.you")} mic=${mic} quality="" note="" />
  </section>`;

/** @param {{name: string, mic: boolean, quality: string, note: string}} props */
const Label = ({ name, mic, quality, note }) => html`
  <p class="tile-label">
    ${!mic && html`<span class="tile-muted"><${Icon} name="mic-off" /><span class="visually-hidden">${t("tile.muted")}</span></span>`}
    <bdi>${name}</bdi>
    ${note && html`<span class="tile-note">${note}</span>`}
    ${quality === "poor" && html`<span class="tile-note">${t("quality.poor")}</span>`}
  </p>`;
