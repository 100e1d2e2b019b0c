import { t } from "../i18n.js";
import { html, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** @param {PageProps & {icon: string, title: string, text: string, children?: unknown}} props */
const Frame = ({ app, state, icon, title, text, children }) => html`
  <${TopBar} app=${app} state=${state} />
  <main id="main" class="page page-narrow">
    <section class="card message">
      <span class="message-icon"><${Icon} name=${icon} /></span>
      <p class="eyebrow"><bdi>${state.call?.room}</bdi></p>
      <h1 tabindex="-1">${title}</h1>
      <p class="muted">${text}</p>
      ${children}
      <a class="button button-quiet" href="/">${t("common.home")}</a>
    </section>
    <${Footer} app=${app} />
  </main>`;

/** The room wants a password. @param {PageProps} props */
export function Password({ app, state }) {
  const [pass, setPass] = useState("");
  const problem = state.call?.problem;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    void app.calls.join(pass);
  };
  return html`
    <${Frame} app=${app} state=${state} icon="key" title=${t("password.title")} text=${t("password.text")}>
      <form class="form door-form" onSubmit=${submit}>
        <div class="field">
          <label for="room-pass">${t("password.label")}</label>
          <input id="room-pass" type="password" required data-autofocus autocomplete="off" value=${pass} onInput=${(/** @type {any} */ e) => setPass(e.target.value)}
            aria-invalid=${problem ? "true" : "false"} aria-describedby="room-pass-problem" />
          <p class="problem" id="room-pass-problem" role="alert">${problem && t(problem.key, problem.values)}</p>
        </div>
        <button type="submit" class="button button-primary button-wide">${t("password.go")}</button>
      </form>
    <//>`;
}

/** The room is locked: one may knock. @param {PageProps} props */
export function Locked({ app, state }) {
  const [note, setNote] = useState("");
  const problem = state.call?.problem;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    void app.door.knock(note);
  };
  return html`
    <${Frame} app=${app} state=${state} icon="lock" title=${t("locked.title")} text=${t("locked.text")}>
      <form class="form door-form" onSubmit=${submit}>
        <div class="field">
          <label for="knock-note">${t("locked.note")}</label>
          <input id="knock-note" maxlength="100" autocomplete="off" value=${note} placeholder=${t("locked.note.hint")} onInput=${(/** @type {any} */ e) => setNote(e.target.value)} />
          <p class="problem" role="alert">${problem && t(problem.key, problem.values)}</p>
        </div>
        <button type="submit" class="button button-primary button-wide"><${Icon} name="bell" /><span>${t("locked.knock")}</span></button>
      </form>
    <//>`;
}

/** The host has been asked. @param {PageProps} props */
export const Knocking = ({ app, state }) => html`
  <${Frame} app=${app} state=${state} icon="bell" title=${t("knocking.title")} text=${t("knocking.text")}>
    <p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("knocking.wait")}</p>
  <//>`;
