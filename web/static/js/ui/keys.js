import { t } from "../i18n.js";
import { html } from "./html.js";

/** Every key of a call; the names of keys are not translated, but for the space bar. @type {readonly [string[], string][]} */
const KEYS = [
  [["Ctrl+D", "M"], "keys.mic"], [["Ctrl+E", "V"], "keys.cam"], [["␣"], "keys.talk"], [["S"], "keys.share"],
  [["C"], "keys.chat"], [["H"], "keys.hand"], [["P"], "keys.pip"], [["F"], "keys.full"], [["?"], "keys.help"],
];

/** The keys of a call and what they do, and further ones. @param {{more?: readonly [string[], string][]}} props */
export const KeyList = ({ more = [] }) => html`
  <dl class="keys">
    ${[...KEYS, ...more].map(([keys, text]) => html`<div key=${text}><dt>${keys.map((key) => html`<kbd key=${key}>${key === "␣" ? t("keys.space") : key}</kbd> `)}</dt><dd>${t(text)}</dd></div>`)}
  </dl>
  <p class="muted small">${t("keys.note")}</p>`;
