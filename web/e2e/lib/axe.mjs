import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** For addInitScript, before the page is opened. */
export const AXE = { content: readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8") };
const OPTIONS = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  // Only what is wrong is looked up in full; there are no frames, and style sheets need no second fetch.
  resultTypes: ["violations"], iframes: false, preload: false,
};

/** What WCAG 2.2 AA has against the page as it stands. */
export function violations(page) {
  return page.evaluate(async (options) => {
    const { violations } = await window.axe.run(document, options);
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
  }, OPTIONS);
}
