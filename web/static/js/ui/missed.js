import { when } from "../format.js";
import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { canAskToNotify, NotifyButton } from "./notify.js";

/** Missed calls that are shown one by one; the others are counted. */
const SHOWN = 3;

/** Who has called in vain. @param {import("./root.js").PageProps} props */
export function Missed({ app, state }) {
  const { missed } = state;
  return html`
    <section class="card missed" aria-label=${t("missed.title")}>
      <span class="missed-icon"><${Icon} name="phone-missed" /></span>
      <ul class="missed-list">
        ${missed.slice(0, SHOWN).map(({ user, name, at }) => html`
          <li key=${`${user} ${at}`}><span>${t("missed.from", { name, time: when(at * 1000) })}</span>
            <button type="button" class="button button-small" aria-label=${t("missed.back.name", { name })} onClick=${() => app.call(name, true, user)}><${Icon} name="phone" /><span>${t("missed.back")}</span></button></li>`)}
        ${missed.length > SHOWN && html`<li class="muted">${t("missed.more", { n: missed.length - SHOWN })}</li>`}
        ${canAskToNotify() && html`<li class="muted small"><span>${t("notify.offer")}</span><${NotifyButton} app=${app} /></li>`}
      </ul>
      <button type="button" class="button button-quiet button-icon" aria-label=${t("missed.dismiss")} title=${t("missed.dismiss")} onClick=${() => app.dismissMissed()}><${Icon} name="x" /></button>
    </section>`;
}
