import { html } from "./html.js";

const SPRITE = new URL("../../icons.svg", import.meta.url).pathname;

/**
 * A symbol beside a label; it says nothing by itself.
 * @param {{name: string}} props
 */
export const Icon = ({ name }) => html`<svg class="icon" aria-hidden="true" focusable="false"><use href=${`${SPRITE}#${name}`} /></svg>`;
