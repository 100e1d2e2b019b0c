import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { ScreenTile, SelfTile, Tile } from "./tile.js";

/** @typedef {import("./tile.js").Room} Room */
/** @typedef {import("./tile.js").View} View */

/**
 * The people. One other person fills the stage, oneself in the corner; more
 * stand in a grid with oneself among them; what is shared or pinned takes the
 * stage, and all the rest stands in a strip beside it.
 * @param {{room: Room, members: View[]}} props
 */
export function Stage({ room, members }) {
  const main = mainOf(room.pinned, members);
  if (main) return html`<${Presentation} room=${room} members=${members} main=${main} />`;
  const pair = isPair(room.pinned, members);
  return html`
    <div class=${`stage ${pair ? "stage-pair" : `stage-grid stage-${members.length + 1}`}`}>
      ${members.map((view) => html`<${Tile} key=${view.id} view=${view} room=${room} />`)}
      <${SelfTile} key="self" room=${room} small=${pair} movable=${pair} />
    </div>`;
}

/** Whether one other fills the stage, with oneself in a corner. @param {string} pinned @param {View[]} members */
export const isPair = (pinned, members) => members.length === 1 && !mainOf(pinned, members);

/**
 * What takes the stage: the pinned tile, else a shared screen.
 * @param {string} pinned @param {View[]} members
 * @returns {{view: View, screen: boolean} | null}
 */
function mainOf(pinned, members) {
  const [id, screen] = pinned.split(":");
  const view = members.find((one) => one.id === id);
  if (view && (!screen || view.state.screen)) return members.length > 1 || screen ? { view, screen: screen !== undefined } : null;
  const sharing = members.find((one) => one.state.screen);
  return sharing ? { view: sharing, screen: true } : null;
}

/** @param {{room: Room, members: View[], main: {view: View, screen: boolean}}} props */
function Presentation({ room, members, main }) {
  const rest = members.filter((view) => main.screen || view !== main.view);
  const screens = members.filter((view) => view.state.screen && !(main.screen && view === main.view));
  return html`
    <div class="stage stage-show">
      <div class="stage-main">
        ${main.screen ? html`<${ScreenTile} key=${`${main.view.id}:screen`} view=${main.view} room=${room} />` : html`<${Tile} key=${main.view.id} view=${main.view} room=${room} />`}
      </div>
      <div class="stage-strip">
        ${screens.map((view) => html`<${ScreenTile} key=${`${view.id}:screen`} view=${view} room=${room} />`)}
        ${rest.map((view) => html`<${Tile} key=${view.id} view=${view} room=${room} />`)}
        <${SelfTile} key="self" room=${room} />
      </div>
    </div>`;
}

/** "You are sharing your screen", for as long as one does. @param {{app: import("../app.js").App, state: import("../state.js").State}} props */
export function Sharing({ app, state }) {
  const { track, audio, motion } = state.screen;
  if (!track) return null;
  const whole = /** @type {any} */ (track.getSettings()).displaySurface === "monitor";
  return html`
    <div class="sharing" role="status">
      <${Icon} name="screen" />
      <span class="sharing-text"><strong>${t("share.on")}</strong>
        ${!audio && html` <span class="small">${t("share.silent")}</span>`}
        ${whole && html` <span class="small">${t("share.mirrors")}</span>`}</span>
      <label class="check small"><input type="checkbox" checked=${motion} onChange=${(/** @type {any} */ e) => app.o.media.screen.setMotion(e.target.checked)} />${t("share.motion")}</label>
      <button type="button" class="button button-small" onClick=${() => app.o.media.screen.stop()}>${t("share.stop")}</button>
    </div>`;
}
