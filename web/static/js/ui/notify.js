import { t } from "../i18n.js";
import { html, useState } from "./html.js";

/** @returns {boolean} whether the browser has not been asked yet */
export const canAskToNotify = () => "Notification" in window && Notification.permission === "default";

/**
 * Tells of something while the page is not in sight; nothing where the browser may not.
 * @param {string} text @param {string} tag  a later one with the same tag takes its place
 * @returns {() => void} takes it away
 */
export function notify(text, tag) {
  const nothing = () => {};
  if (!("Notification" in window) || Notification.permission !== "granted" || document.visibilityState === "visible") return nothing;
  try {
    const shown = new Notification(text, { tag });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
    return () => shown.close();
  } catch {
    return nothing; // phones want a service worker for it
  }
}

/** Asks the browser, in the click. @param {{app: import("../app.js").App}} props */
export function NotifyButton({ app }) {
  const [asked, setAsked] = useState(!canAskToNotify());
  const ask = async () => {
    const answer = await Notification.requestPermission().catch(() => "denied");
    app.setPrefs({ notify: answer === "granted" });
    setAsked(true);
  };
  if (asked) return null;
  return html`<button type="button" class="button" onClick=${ask}>${t("notify.ask")}</button>`;
}
