import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { Menu } from "./menu.js";
import { canPip } from "./pip.js";
import { FULL } from "./tile.js";

/**
 * What one can do with one tile. Items that are about the person's place in
 * the room come from `room.extra`, since they are not this menu's business.
 * @param {{view: import("./tile.js").View, room: import("./tile.js").Room, screen?: {actual: boolean, setActual: (actual: boolean) => void}}} props   screen: it shows one, fitted in or as large as it is
 */
export function TileMenu({ view, room, screen }) {
  const { id, name, safety } = view;
  const pinId = screen ? `${id}:screen` : id;
  const pinned = room.pinned === pinId;
  const { members = [] } = room.state.call ?? {};
  const alone = members.length < 2 && !members.some((one) => one.state.screen); // fills the stage anyway
  const hearing = room.hearing[id] ?? FULL;
  const items = [
    ...(alone ? [] : [{ icon: pinned ? "pin-off" : "pin", text: t("tile.pin"), checked: pinned, run: () => room.pin(pinned ? "" : pinId) }]),
    { icon: "maximize", text: t("tile.full"), run: () => fullScreen(pinId) },
    ...(screen ? [{ icon: "search", text: t("tile.actual"), checked: screen.actual, run: () => screen.setActual(!screen.actual) }] : []),
    ...(canPip() ? [{ icon: "pip", text: t("pip.open"), run: () => room.openPip(id) }] : []),
    ...(screen ? [] : [
      { icon: hearing.muted ? "volume-off" : "volume", text: t("tile.mute"), checked: hearing.muted, run: () => room.setHearing(id, { muted: !hearing.muted }) },
      { icon: safety.state === "broken" ? "shield-alert" : "shield", text: t(safety.verified ? "safety.verified" : "safety.open"), run: () => room.verify(id) },
      { icon: "activity", text: t("tile.details"), run: () => room.details(id) },
      ...(room.extra?.(view) ?? []),
    ]),
  ];
  const volume = screen ? null : html`
    <label class="menu-volume"><${Icon} name="volume" /><span class="visually-hidden">${t("tile.volume", { name })}</span>
      <input type="range" min="0" max="100" value=${Math.round(hearing.volume * 100)} onInput=${(/** @type {any} */ e) => room.setHearing(id, { volume: e.target.value / 100 })} /></label>`;
  return html`<${Menu} label=${t("tile.menu", { name })} icon="more" kind="tile-button" items=${items} head=${volume} place="menu-tile" />`;
}

/** @param {string} pinId */
export function fullScreen(pinId = "") {
  if (document.fullscreenElement) return void document.exitFullscreen();
  const [id = "", screen] = pinId.split(":");
  const tiles = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".tile")]);
  const tile = tiles.find(({ dataset }) => (screen ? dataset.screen : dataset.peer) === id) ?? document.documentElement;
  const video = /** @type {any} */ (tile.querySelector("video"));
  // Phones of Apple know it for videos alone.
  if (tile.requestFullscreen) tile.requestFullscreen().catch(() => {});
  else video?.webkitEnterFullscreen?.();
}
