import { html } from "./html.js";

const SPRITE = new URL("../../icons.svg", import.meta.url).pathname;

/** Those that point along the line of writing, and turn with it. */
const TURNS = new Set(["arrow-left", "arrow-right", "log-out", "send"]);

/**
 * A symbol beside a label; it says nothing by itself.
 * @param {{name: string}} props
 */
export const Icon = ({ name }) => html`<svg class=${TURNS.has(name) ? "icon icon-turns" : "icon"} aria-hidden="true" focusable="false"><use href=${`${SPRITE}#${name}`} /></svg>`;
