import { hue, initials } from "../names.js";
import { html } from "./html.js";

/**
 * Initials on a colour that belongs to the name. Decoration: the name stands beside it.
 * @param {{name: string, size?: "small" | "large"}} props
 */
export const Avatar = ({ name, size = "small" }) =>
  html`<span class=${`avatar avatar-${size} hue-${hue(name)}`} aria-hidden="true">${initials(name)}</span>`;
