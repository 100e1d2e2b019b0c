import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";

/**
 * Whom one talked to in a call by name has gone; nobody else can come by a link.
 * @param {import("./root.js").PageProps} props
 */
export function AloneInCall({ app, state }) {
  const { call } = state;
  const other = call?.other;
  return html`
    <section class="card alone">
      <h2>${t(other ? "alone.left" : "alone.title", { name: other?.name ?? "" })}</h2>
      <p class="muted">${t("alone.ends")}</p>
      <div class="row">
        ${other && html`<button type="button" class="button button-primary" onClick=${() => app.calling.add(other, call.room)}><${Icon} name="phone" /><span>${t("summary.callagain", { name: other.name })}</span></button>`}
        <button type="button" class="button" onClick=${() => app.calls.leave({ ended: true })}>${t("controls.leave")}</button>
      </div>
    </section>`;
}
