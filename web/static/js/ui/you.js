import { t } from "../i18n.js";
import { Choice } from "./choice.js";
import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";
import { canAskToNotify, NotifyButton } from "./notify.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** Name, status, and how calls come in. @param {PageProps & {onClose: () => void}} props */
export function YouDialog({ app, state, onClose }) {
  const { prefs, you } = state;
  const statuses = ["available", "away", "dnd"].map((value) => ({ value, text: t(`people.status.${value}`) }));
  return html`
    <${Dialog} title=${t("you.title")} onClose=${onClose}>
      <${NameForm} app=${app} name=${you?.name ?? ""} />
      <${Choice} name="status" legend=${t("you.status")} value=${prefs.status} options=${statuses} onChoose=${(/** @type {any} */ value) => app.setStatus(value)} />
      <${Choice} name="waiting" legend=${t("you.waiting")} value=${prefs.callWaiting} onChoose=${(/** @type {any} */ value) => app.setPrefs({ callWaiting: value })}
        options=${[{ value: "ring", text: t("you.waiting.ring") }, { value: "busy", text: t("you.waiting.busy") }]} />
      <${Notifications} app=${app} state=${state} />
    <//>`;
}

/** @param {{app: import("../app.js").App, name: string}} props */
function NameForm({ app, name: now }) {
  const [name, setName] = useState(now);
  const [problem, setProblem] = useState(/** @type {import("../state.js").Text | null} */ (null));
  const [done, setDone] = useState(false);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const wrong = await app.rename(name.trim());
    setProblem(wrong);
    setDone(!wrong);
  };
  return html`
    <form class="field" onSubmit=${submit}>
      <label for="you-name">${t("you.name")}</label>
      <div class="field-row">
        <input id="you-name" required maxlength="64" autocomplete="nickname" spellcheck=${false} value=${name} aria-invalid=${problem ? "true" : "false"} aria-describedby="you-name-problem"
          onInput=${(/** @type {any} */ e) => {
            setName(e.target.value);
            setDone(false);
          }} />
        <button type="submit" class="button" disabled=${name.trim() === now}>${t("you.rename")}</button>
      </div>
      <p class="problem" id="you-name-problem" role="alert">${problem && t(problem.key, problem.values)}</p>
      <p class="muted small" role="status">${done && t("you.renamed")}</p>
    </form>`;
}

/** @param {PageProps} props */
function Notifications({ app, state }) {
  if (!("Notification" in window)) return null;
  const { permission } = Notification;
  if (permission === "denied") return html`<p class="muted small">${t("notify.denied")}</p>`;
  if (canAskToNotify()) return html`<div class="field"><p class="muted small">${t("notify.text")}</p><${NotifyButton} app=${app} /></div>`;
  return html`
    <div class="check">
      <input type="checkbox" id="notify" checked=${state.prefs.notify} onChange=${(/** @type {any} */ e) => app.setPrefs({ notify: e.target.checked })} aria-describedby="notify-note" />
      <div><label for="notify">${t("notify.on")}</label><p class="muted small" id="notify-note">${t("notify.text")}</p></div>
    </div>`;
}
