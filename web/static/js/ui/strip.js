import { t } from "../i18n.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icon.js";

/** Short breaks heal by themselves and are not worth a word. */
const PATIENCE_MS = 1_000;

/**
 * A line above everything: the server is out of reach, or there is a newer client.
 * @param {import("./root.js").PageProps} props
 */
export function Strip({ app, state }) {
  const away = useAway(state.you !== null && state.net !== "online" && state.net !== "idle" && !state.ended);
  if (away) {
    return html`
      <div class="strip strip-warn" role="status">
        <${Icon} name="wifi-off" /><span>${t(state.call?.phase === "in" ? "strip.away.call" : "strip.away")}</span>
        <button type="button" class="button button-small" onClick=${() => app.session.wake()}>${t("strip.retry")}</button>
      </div>`;
  }
  if (!state.update || state.call?.phase === "in") return null;
  return html`
    <div class="strip" role="status">
      <${Icon} name="refresh" /><span>${t("strip.update")}</span>
      <button type="button" class="button button-small" onClick=${() => location.reload()}>${t("strip.reload")}</button>
    </div>`;
}

/** @param {boolean} away @returns {boolean} away for longer than a moment */
function useAway(away) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!away) return;
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [away]);
  return away && long;
}
