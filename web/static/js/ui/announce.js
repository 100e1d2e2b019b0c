import { t } from "../i18n.js";

/**
 * Says something to people who listen rather than look. The live regions are
 * in the shell from the start: one made later would not be heard.
 * @param {import("../state.js").Text} text @param {boolean} [urgent]
 */
export function announce(text, urgent = false) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  if (!region) return;
  // The same words twice are heard twice only if the text changes in between.
  region.textContent = "";
  setTimeout(() => (region.textContent = t(text.key, text.values)), 50);
}
