import { reach } from "../check/reach.js";
import { t } from "../i18n.js";
import { hasRelay } from "./devicepanel.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../check/reach.js").Reach} Found */

/** Whoever joins at once is not held up by it. */
const AFTER_MS = 500;

/** Whether a call will connect from here, before anybody waits for it. @param {import("./root.js").PageProps} props */
export function Reach({ state }) {
  const { ice } = state;
  const [found, setFound] = useState(/** @type {Found | ""} */ (""));
  useEffect(() => {
    if (!ice) return;
    const over = new AbortController();
    const look = () => reach(ice, over.signal).then((now) => over.signal.aborted || setFound(now), () => {}); // no WebRTC at all: the join says so
    const timer = setTimeout(look, AFTER_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [ice]);
  // A server without a relay has nothing to be missed.
  const well = found === "both" || (found === "direct" && !hasRelay(ice)) || found === "relay";
  const icon = found && html`<${Icon} name=${well ? "check" : "alert"} />`;
  return html`
    <p class=${`reach reach-${found ? (well ? "good" : "bad") : "busy"}`} role="status">
      ${icon || html`<span class="spinner" aria-hidden="true"></span>`}
      <span>${t(found ? `reach.${found === "direct" && well ? "only" : found}` : "reach.busy")}
        ${found && !well && html` <a href="/test" target="_blank">${t("check.link")}</a>`}</span>
    </p>`;
}
