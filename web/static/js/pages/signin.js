import { t } from "../i18n.js";
import { guestName } from "../names.js";
import { inviteFrom } from "../router.js";
import { html, useEffect, useRef, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Brand, Footer } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** The field that each refusal is about; the rest stand above the button. @type {Record<string, "name" | "password" | "token">} */
const FIELD = { bad_name: "name", name_taken: "name", wrong_credentials: "password" };

/** @param {PageProps} props */
export function SignIn({ app, state }) {
  const mode = state.config?.auth.mode ?? "open";
  const { route } = state;
  const invited = route.page === "room" || route.page === "user";
  const title = route.page === "room" ? route.room : route.page === "user" ? route.name : t("signin.title", { site: state.config?.name ?? "Parley" });
  return html`
    <main id="main" class="page page-narrow">
      <div class="center"><${Brand} name=${state.config?.name ?? "Parley"} /></div>
      <section class="card">
        ${invited && html`<p class="eyebrow">${t(route.page === "user" ? "signin.calling" : "signin.invited")}</p>`}
        <h1 tabindex="-1"><bdi>${title}</bdi></h1>
        <p class="muted">${t(`signin.text.${mode}`)}</p>
        ${mode === "token" ? html`<${TokenForm} app=${app} state=${state} />` : html`<${NameForm} app=${app} state=${state} mode=${mode} />`}
      </section>
      <${Footer} app=${app} />
    </main>`;
}

/** @param {PageProps & {mode: "open" | "password" | "users"}} props */
function NameForm({ app, state, mode }) {
  const { busy = false, problem = null, code = "", name: first = "" } = state.signIn ?? {};
  const [name, setName] = useState(first);
  const [password, setPassword] = useState("");
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const shown = useRef(first);
  useEffect(() => {
    // Only a new proposal replaces what was typed, never the first drawing.
    if (shown.current !== first) setName((shown.current = first));
    field.current?.focus();
    if (problem && FIELD[code] === "name") field.current?.select();
  }, [first, problem]);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    void app.signIn(mode === "open" ? { name } : { name, password });
  };
  return html`
    <form class="form" onSubmit=${submit}>
      <${Field} id="name" label=${t(mode === "users" ? "signin.user" : "signin.name")} problem=${FIELD[code] === "name" ? problem : null}>
        <div class="field-row">
          <input id="name" name="name" ref=${field} data-autofocus required maxlength="64" value=${name} autocomplete=${mode === "users" ? "username" : "nickname"}
            autocapitalize=${mode === "users" ? "none" : "words"} spellcheck=${false} onInput=${(/** @type {any} */ e) => setName(e.target.value)}
            aria-invalid=${FIELD[code] === "name" ? "true" : "false"} aria-describedby="name-problem" />
          ${mode !== "users" && html`<button type="button" class="button button-icon" aria-label=${t("signin.suggest")} title=${t("signin.suggest")}
            onClick=${() => setName(guestName())}><${Icon} name="dices" /></button>`}
        </div>
      <//>
      ${mode !== "open" && html`
        <${Field} id="password" label=${t("signin.password")} problem=${FIELD[code] === "password" ? problem : null}>
          <input id="password" name="password" type="password" required value=${password} autocomplete="current-password"
            onInput=${(/** @type {any} */ e) => setPassword(e.target.value)}
            aria-invalid=${FIELD[code] === "password" ? "true" : "false"} aria-describedby="password-problem" />
        <//>`}
      <${Problem} problem=${FIELD[code] ? null : problem} />
      <button type="submit" class="button button-primary button-wide" disabled=${busy}>${t(busy ? "signin.busy" : "signin.go")}</button>
    </form>`;
}

/** @param {PageProps} props */
function TokenForm({ app, state }) {
  const { busy = false, problem = null } = state.signIn ?? {};
  const [text, setText] = useState("");
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const hash = text.indexOf("#");
    void app.signIn({ token: (hash < 0 ? null : inviteFrom(text.slice(hash).trim())) ?? text.trim() });
  };
  return html`
    <form class="form" onSubmit=${submit}>
      <${Field} id="token" label=${t("signin.token")} problem=${problem}>
        <input id="token" name="token" required autocomplete="off" spellcheck=${false} data-autofocus value=${text}
          onInput=${(/** @type {any} */ e) => setText(e.target.value)} aria-invalid=${problem ? "true" : "false"} aria-describedby="token-problem" />
      <//>
      <button type="submit" class="button button-primary button-wide" disabled=${busy}>${t(busy ? "signin.busy" : "signin.go")}</button>
    </form>`;
}

/** @param {{id: string, label: string, problem: import("../state.js").Text | null, children?: unknown}} props */
const Field = ({ id, label, problem, children }) => html`
  <div class="field">
    <label for=${id}>${label}</label>
    ${children}
    <p class="problem" id=${`${id}-problem`} role="alert">${problem && t(problem.key, problem.values)}</p>
  </div>`;

/** @param {{problem: import("../state.js").Text | null}} props */
const Problem = ({ problem }) => html`<p class="problem" role="alert">${problem && t(problem.key, problem.values)}</p>`;
