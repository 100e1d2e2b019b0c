import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";

/**
 * How a call did, for who helps: no names, no addresses.
 * @param {import("../app.js").App} app @param {object | undefined} report  of rtc/call.js
 */
export const reportText = (app, report) =>
  JSON.stringify({ parley: app.o.build, browser: navigator.userAgent, at: new Date().toISOString(), ...report }, null, 1);

/** A file to send to whoever helps; nothing is sent by itself. @param {{app: import("../app.js").App, report: object}} props */
export function SaveReport({ app, report }) {
  const save = () => {
    const href = URL.createObjectURL(new Blob([reportText(app, report)], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href, download: `parley-call-${new Date().toISOString().slice(0, 10)}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(href)); // the browser has begun to save it by then
  };
  return html`
    <div class="message-foot">
      <button type="button" class="button button-quiet" onClick=${save}><${Icon} name="download" /><span>${t("summary.report")}</span></button>
      <p class="muted small">${t("summary.report.text")}</p>
    </div>`;
}
