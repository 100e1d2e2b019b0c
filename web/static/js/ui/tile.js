import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { drag } from "./corner.js";
import { Flip, isFront } from "./flip.js";
import { classes, html, useState } from "./html.js";
import { Icon } from "./icon.js";
import { Sound, Video } from "./media.js";
import { TileMenu } from "./tilemenu.js";

/**
 * @typedef {import("../rtc/member.js").View} View
 *
 * @typedef {object} Room            what tiles need of the page around them
 * @property {import("../app.js").App} app
 * @property {import("../state.js").State} state
 * @property {Record<string, string>} signs          by id; "" is oneself
 * @property {Record<string, Hearing>} hearing       by id of a member
 * @property {string} pinned                         id of a tile, or ""
 * @property {(id: string) => void} pin
 * @property {(id: string, change: Partial<Hearing>) => void} setHearing
 * @property {(id: string) => void} openPip
 * @property {(id: string) => void} verify
 * @property {(id: string) => void} details
 * @property {string} corner                        where the own picture stands beside one other
 * @property {(corner: string) => void} setCorner
 * @property {() => void} onBlocked
 * @property {(view: View) => import("./menu.js").Item[]} [extra]   more items for a member's menu, as removing it
 *
 * @typedef {{volume: number, muted: boolean}} Hearing   how loud this person wants to hear a member
 */

/** @type {Hearing} */
export const FULL = { volume: 1, muted: false };

/** What a tile says about a link that is not as it should be. @param {View} view @returns {string} key, or "" */
function trouble({ phase, away, held }) {
  if (held) return "tile.held";
  if (phase !== "connected") return `tile.${phase}`;
  return away ? "tile.away" : "";
}

/** What a tile says in place of a picture, or of one that is missing for a reason. @param {View} view @param {boolean} blind  this person wants no pictures */
function note({ state, phase }, blind) {
  if (phase !== "connected") return "";
  if (!state.cam) return t("tile.camoff");
  if (blind) return t("settings.data.audio");
  return state.paused ? t("tile.paused") : "";
}

/**
 * One other person.
 * @param {{view: View, room: Room, small?: boolean}} props
 */
export function Tile({ view, room, small = false }) {
  const { name, state, tracks, phase, id } = view;
  const blind = room.state.prefs.dataUse === "audio";
  const picture = state.cam && !state.paused && !blind;
  const hearing = room.hearing[id] ?? FULL;
  return html`
    <section class=${classes({ tile: true, "tile-small": small, "tile-dim": phase !== "connected" && phase !== "connecting" })} aria-label=${name} data-peer=${id} data-phase=${phase}>
      <div class="tile-empty"><${Avatar} name=${name} size=${small ? "small" : "large"} /></div>
      ${picture && html`<${Video} track=${tracks.cam} of=${id} slot="cam" label=${t("tile.video", { name })} />`}
      <${Sound} track=${tracks.mic} speaker=${room.state.prefs.speaker} ...${hearing} onBlocked=${room.onBlocked} />
      <${Sound} track=${state.screenAudio ? tracks.screenAudio : null} speaker=${room.state.prefs.speaker} ...${hearing} onBlocked=${room.onBlocked} />
      <${Trouble} view=${view} app=${room.app} />
      <${Sign} hand=${state.hand} sign=${room.signs[id]} />
      <${Label} name=${name} mic=${state.mic} deaf=${hearing.muted} view=${view} note=${trouble(view) ? "" : note(view, blind)} />
      <${TileMenu} view=${view} room=${room} />
    </section>`;
}

/**
 * What is wrong with the link, and once that takes long, what one can do.
 * @param {{view: View, app: import("../app.js").App}} props
 */
function Trouble({ view, app }) {
  const key = trouble(view);
  if (!key) return null;
  const lost = view.phase === "lost" || view.phase === "failed";
  return html`
    <div class="tile-trouble">
      <p class="tile-trouble-text">${view.phase !== "lost" && html`<span class="spinner" aria-hidden="true"></span>`}${t(key)}</p>
      ${(lost || (view.waiting && view.phase !== "connected")) && html`
        <div class="row row-center">
          ${lost && html`<button type="button" class="button button-small" onClick=${() => app.calls.live?.retry(view.id)}>${t("tile.retry")}</button>`}
          ${lost && html`<a class="button button-small" href="/test" target="_blank">${t("tile.test")}</a>`}
          <button type="button" class="button button-small" onClick=${() => app.calls.leave()}>${t("controls.leave")}</button>
        </div>`}
    </div>`;
}

/** A raised hand, or a sign that was just given. @param {{hand: boolean, sign: string | undefined}} props */
const Sign = ({ hand, sign }) =>
  sign || hand ? html`<p class="tile-sign" role="img" aria-label=${sign ? sign : t("tile.hand")}>${sign ?? "✋"}</p>` : null;

/**
 * A screen that somebody shares.
 * @param {{view: View, room: Room}} props
 */
export function ScreenTile({ view, room }) {
  const [actual, setActual] = useState(false);
  const name = t("tile.screen", { name: view.name });
  return html`
    <section class=${classes({ tile: true, "tile-screen": true, "tile-actual": actual })} aria-label=${name} data-screen=${view.id}>
      <div class="screen-view" tabindex=${actual ? 0 : undefined} role="group" aria-label=${name}>
        <${Video} track=${view.tracks.screen} of=${view.id} slot="screen" label=${name} />
      </div>
      <p class="tile-label"><${Icon} name="screen" /><bdi>${name}</bdi></p>
      <${TileMenu} view=${view} room=${room} screen=${{ actual, setActual }} />
    </section>`;
}

/**
 * Oneself, as the others see one, but mirrored.
 * @param {{room: Room, small?: boolean, movable?: boolean}} props
 */
export function SelfTile({ room, small = false, movable = false }) {
  const { state, signs } = room;
  const { mic, cam } = state.devices;
  const paused = (state.call?.members ?? []).some((view) => view.paused);
  return html`
    <section class=${classes({ tile: true, "tile-self": true, "tile-small": small, "tile-movable": movable, [room.corner]: movable })} aria-label=${t("tile.you")}
      onPointerDown=${movable ? (/** @type {PointerEvent} */ event) => drag(event, room.setCorner) : undefined}>
      ${cam.track ? html`<${Video} track=${cam.track} mirrored=${isFront(cam.track)} label=${t("tile.you")} />` : html`<div class="tile-empty"><${Avatar} name=${state.you?.name ?? ""} size=${small ? "small" : "large"} /></div>`}
      <${Sign} hand=${state.call?.hand === true} sign=${signs[""]} />
      <${Label} name=${t("tile.you")} mic=${mic.on && mic.track !== null} note=${cam.track && paused ? t("tile.paused.you") : ""} />
      <${Flip} app=${room.app} state=${state} kind="tile-button" />
    </section>`;
}

/** @param {{name: string, mic: boolean, note: string, deaf?: boolean, view?: View}} props */
const Label = ({ name, mic, note, deaf = false, view }) => html`
  <p class="tile-label">
    ${!mic && html`<span class="tile-mark"><${Icon} name="mic-off" /><span class="visually-hidden">${t("tile.muted")}</span></span>`}
    ${deaf && html`<span class="tile-mark"><${Icon} name="volume-off" /><span class="visually-hidden">${t("tile.deaf")}</span></span>`}
    <bdi>${name}</bdi>
    ${view?.safety.verified && html`<span class="tile-mark"><${Icon} name="shield" /><span class="visually-hidden">${t("safety.verified")}</span></span>`}
    ${view?.state.screen && html`<span class="tile-mark"><${Icon} name="screen" /><span class="visually-hidden">${t("tile.sharing")}</span></span>`}
    ${note && html`<span class="tile-note">${note}</span>`}
    ${view?.phase === "connected" && view.quality === "poor" && html`<span class="tile-note">${t("quality.poor")}</span>`}
  </p>`;
