import { t } from "../i18n.js";
import { userPath } from "../router.js";
import { Avatar } from "./avatar.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";
import { copyText, Invite } from "./invite.js";
import { Menu } from "./menu.js";

/**
 * @typedef {import("./root.js").PageProps} PageProps
 * @typedef {import("../net/types.js").Person} Person
 */

/** Who is online, to be found and called. @param {PageProps} props */
export function People({ app, state }) {
  const [text, setText] = useState("");
  const [inviting, setInviting] = useState(false);
  const self = state.you?.user ?? "";
  const others = (state.people ?? []).filter((person) => person.user !== self);
  // A list without oneself is none: this server keeps it to others.
  const hidden = others.length === (state.people ?? []).length;
  const wanted = text.trim();
  const found = others.filter((person) => person.name.toLocaleLowerCase().includes(wanted.toLocaleLowerCase()));
  const exact = found.some((person) => person.name.toLocaleLowerCase() === wanted.toLocaleLowerCase());
  return html`
    <section class="card people" aria-labelledby="people">
      <div class="card-head">
        <h2 id="people">${t("people.title")} <span class="count">${others.filter((person) => person.status !== "offline").length || ""}</span></h2>
        ${others.length > 0 && html`<button type="button" class="button button-quiet" aria-expanded=${inviting ? "true" : "false"} aria-controls="people-invite"
          aria-label=${t("people.invite")} onClick=${() => setInviting(!inviting)}><${Icon} name="user-plus" /><span class="wide-only">${t("people.invite")}</span></button>`}
      </div>
      <${Search} text=${text} onText=${setText} known=${others.length > 0} />
      ${others.length > 0 && html`<ul class="people-list">
        ${found.map((person) => html`<${PersonRow} key=${person.user} app=${app} state=${state} person=${person} />`)}
      </ul>`}
      ${wanted && !exact && html`<${TypedName} app=${app} name=${wanted} none=${!found.length && others.length > 0} />`}
      ${(inviting || !others.length) && html`
        <div class="people-empty" id="people-invite">
          ${!others.length && html`<p>${t(hidden ? "people.hidden" : "people.alone")}</p>`}
          <${Invite} url=${`${location.origin}/`} primary=${false} />
        </div>`}
    </section>`;
}

/** @param {{text: string, onText: (text: string) => void, known: boolean}} props */
const Search = ({ text, onText, known }) => html`
  <div class="search">
    <${Icon} name="search" />
    <input type="search" id="find" autocomplete="off" autocapitalize="none" spellcheck=${false} value=${text} aria-label=${t(known ? "people.search" : "people.type")}
      placeholder=${t(known ? "people.search" : "people.type")} onInput=${(/** @type {any} */ e) => onText(e.target.value)} />
  </div>`;

/** @param {PageProps & {person: Person}} props */
function PersonRow({ app, state, person }) {
  const { name, user, guest, status } = person;
  const muted = state.prefs.muted.includes(user);
  return html`
    <li class="person">
      <${Avatar} name=${name} />
      <div class="person-text">
        <span class="person-name"><bdi>${name}</bdi></span>
        <span class=${`status status-${status}`}>${t(`people.status.${status}`)}${guest ? ` · ${t("people.guest")}` : ""}${muted ? ` · ${t("people.muted")}` : ""}</span>
      </div>
      <div class="person-actions">
        <${CallButtons} app=${app} name=${name} user=${user} />
        <${Menu} label=${t("people.more", { name })} icon="more" kind="button button-quiet button-icon" place="menu-down" items=${[
          { icon: "link", text: t("people.copy"), run: () => void copyText(location.origin + userPath(name), "people.copied") },
          { icon: muted ? "bell" : "bell-off", text: t(muted ? "people.unmute" : "people.mute"), run: () => app.setMuted(user, !muted) },
        ]} />
      </div>
    </li>`;
}

/** Somebody by a name that was typed: he need not be on the list. @param {{app: import("../app.js").App, name: string, none: boolean}} props */
const TypedName = ({ app, name, none }) => html`
  <div class="person person-typed">
    <span class="person-icon"><${Icon} name="search" /></span>
    <div class="person-text">
      <span class="person-name">${t("people.typed", { name })}</span>
      <span class="muted small">${t(none ? "people.none" : "people.typed.text")}</span>
    </div>
    <div class="person-actions"><${CallButtons} app=${app} name=${name} /></div>
  </div>`;

/** @param {{app: import("../app.js").App, name: string, user?: string}} props */
const CallButtons = ({ app, name, user }) => html`
  <button type="button" class="button button-icon button-tint" aria-label=${t("people.video", { name })} title=${t("call.video")} onClick=${() => app.call(name, true, user)}><${Icon} name="video" /></button>
  <button type="button" class="button button-icon button-tint" aria-label=${t("people.audio", { name })} title=${t("call.audio")} onClick=${() => app.call(name, false, user)}><${Icon} name="phone" /></button>`;
