import { t } from "../i18n.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icon.js";

/**
 * How a call did, for who helps: no names, no addresses.
 * @param {import("../app.js").App} app @param {object | undefined} report  of rtc/call.js
 */
export const reportText = (app, report) =>
  JSON.stringify({ parley: app.o.build, browser: navigator.userAgent, at: new Date().toISOString(), ...report }, null, 1);

/** A file to send to whoever helps; nothing is sent by itself. @param {{app: import("../app.js").App, report: object}} props */
export function SaveReport({ app, report }) {
  const [url] = useState(() => URL.createObjectURL(new Blob([reportText(app, report)], { type: "application/json" })));
  useEffect(() => () => URL.revokeObjectURL(url), []);
  return html`
    <div class="message-foot">
      <a class="button button-quiet" href=${url} download=${`parley-call-${new Date().toISOString().slice(0, 10)}.json`}><${Icon} name="download" /><span>${t("summary.report")}</span></a>
      <p class="muted small">${t("summary.report.text")}</p>
    </div>`;
}
