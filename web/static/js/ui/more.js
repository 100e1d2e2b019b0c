import { t } from "../i18n.js";
import { choices } from "../rtc/codecs.js";
import { canShare } from "../rtc/share.js";
import { Dialog } from "./dialog.js";
import { DevicePanel, RelayToggle } from "./devicepanel.js";
import { html } from "./html.js";
import { KeyList } from "./keys.js";
import { Menu } from "./menu.js";
import { canPip } from "./pip.js";
import { fullScreen } from "./tilemenu.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** Signs that one can give; others are not shown. */
export const SIGNS = ["👍", "👏", "❤️", "😂", "😮", "🎉"];

/**
 * What has no place of its own in the bar.
 * @param {PageProps & {tabindex: number, narrow: boolean, onSign: (sign: string) => void, onHand: () => void, onMove?: () => void, onPip: () => void,
 *   onOpen: (dialog: "people" | "settings" | "connection" | "keys") => void, extra?: import("./menu.js").Item[]}} props
 *   onMove: puts the own picture into another corner; extra: items of other parts of the page
 */
export function More({ state, tabindex, narrow, onSign, onHand, onMove, onPip, onOpen, extra = [] }) {
  const hand = state.call?.hand === true;
  const items = [
    { icon: "hand", text: t("more.hand"), checked: hand, run: onHand },
    ...(canShare() ? [] : [{ icon: "screen", text: t("controls.share"), why: t("share.none"), run() {} }]),
    ...(narrow ? [{ icon: "settings", text: t("controls.settings"), run: () => onOpen("settings") }] : []),
    ...extra,
    ...(onMove ? [{ icon: "move", text: t("more.move"), run: onMove }] : []),
    ...(canPip() ? [{ icon: "pip", text: t("pip.open"), run: onPip }] : []),
    { icon: document.fullscreenElement ? "minimize" : "maximize", text: t("more.full"), run: () => fullScreen() },
    { icon: "activity", text: t("connection.title"), run: () => onOpen("connection") },
    ...(narrow ? [] : [{ icon: "keyboard", text: t("more.keys"), run: () => onOpen("keys") }]),
  ];
  const head = html`
    <div class="signs" role="group" aria-label=${t("more.signs")}>
      ${SIGNS.map((sign) => html`<button key=${sign} type="button" class="sign" aria-label=${sign} onClick=${() => onSign(sign)}>${sign}</button>`)}
    </div>`;
  return html`<${Menu} label=${t("controls.more")} name=${t("controls.more")} icon="more" kind="toggle" tool=${true} tabindex=${tabindex} items=${items} head=${head} place="menu-more" />`;
}

/** @param {PageProps & {onClose: () => void}} props */
export const SettingsDialog = ({ app, state, onClose }) => html`
  <${Dialog} title=${t("settings.title")} onClose=${onClose}>
    <${DevicePanel} app=${app} state=${state} />
    <${DataUse} app=${app} state=${state} />
    <${VideoCodec} app=${app} state=${state} />
    <${RelayToggle} app=${app} state=${state} />
    <div class="check">
      <input type="checkbox" id="single-keys" checked=${state.prefs.keys} onChange=${(/** @type {any} */ e) => app.setPrefs({ keys: e.target.checked })} />
      <label for="single-keys">${t("settings.keys")}</label>
    </div>
  <//>`;

/** How much data the call may use. @param {PageProps} props */
const DataUse = ({ app, state }) => html`
  <div class="picker">
    <label for="data-use">${t("settings.data")}</label>
    <select id="data-use" onChange=${(/** @type {any} */ e) => app.setPrefs({ dataUse: e.target.value })}>
      ${["auto", "low", "audio"].map((use) => html`<option key=${use} value=${use} selected=${state.prefs.dataUse === use}>${t(`settings.data.${use}`)}</option>`)}
    </select>
  </div>`;

/** How pictures are coded: for who knows that a device does one better than the others. @param {PageProps} props */
const VideoCodec = ({ app, state }) => html`
  <div class="picker">
    <label for="codec">${t("settings.codec")}</label>
    <select id="codec" onChange=${(/** @type {any} */ e) => app.setPrefs({ codec: e.target.value })}>
      ${["auto", ...choices()].map((codec) => html`<option key=${codec} value=${codec} selected=${state.prefs.codec === codec}>${codec === "auto" ? t("settings.codec.auto") : codec}</option>`)}
    </select>
  </div>`;

/** @param {{onClose: () => void}} props */
export const KeysDialog = ({ onClose }) => html`
  <${Dialog} title=${t("more.keys")} onClose=${onClose}>
    <${KeyList} />
  <//>`;
