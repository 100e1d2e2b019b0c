import { t } from "../i18n.js";
import { html, useEffect } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** A passing word stays this long, or until it is put away. */
const TOAST_MS = 20_000;

/** Small things that want a look without taking the page. @param {PageProps} props */
export function Toasts({ app, state }) {
  const { toast, added, call } = state;
  const knocks = call?.phase === "in" ? call.knocks : [];
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => app.setToast(null), TOAST_MS);
    return () => clearTimeout(timer);
  }, [toast]);
  if (!toast && !added.length && !knocks.length) return null;
  return html`
    <div class="toasts">
      ${knocks.map((knock) => html`<${KnockToast} key=${knock.id} app=${app} knock=${knock} />`)}
      ${added.map(({ call: id, name, state: how }) => html`
        <div class="toast" key=${id}>
          <span class="spinner" aria-hidden="true"></span><p>${t(how === "ringing" ? "added.ringing" : "added.calling", { name })}</p>
          <button type="button" class="button button-small" onClick=${() => app.calling.cancelAdded(id)}>${t("calling.cancel")}</button>
        </div>`)}
      ${toast && html`
        <div class="toast">
          <${Icon} name="info" /><p>${t(toast.key, toast.values)}</p>
          <button type="button" class="button button-quiet button-icon" aria-label=${t("common.close")} onClick=${() => app.setToast(null)}><${Icon} name="x" /></button>
        </div>`}
    </div>`;
}

/** Someone at the door. @param {{app: import("../app.js").App, knock: import("../state.js").Knock}} props */
export const KnockToast = ({ app, knock: { id, name, note } }) => html`
  <div class="toast toast-knock" role="group" aria-label=${t("knock.title", { name })}>
    <${Icon} name="bell" />
    <p><strong>${t("knock.title", { name })}</strong>${note && html`<br /><bdi>${t("knock.note", { note })}</bdi>`}</p>
    <div class="row">
      <button type="button" class="button button-primary" onClick=${() => app.door.admit(id, true)}>${t("knock.admit")}</button>
      <button type="button" class="button" onClick=${() => app.door.admit(id, false)}>${t("knock.refuse")}</button>
    </div>
  </div>`;
