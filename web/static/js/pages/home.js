import { t } from "../i18n.js";
import { roomFrom } from "../router.js";
import { Avatar } from "../ui/avatar.js";
import { html, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Invite } from "../ui/invite.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** @param {PageProps} props */
export function Home({ app, state }) {
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page home">
      <header class="home-head">
        <h1 tabindex="-1">${t("home.title")}</h1>
        <p class="muted">${t("home.text")}</p>
      </header>
      <div class="home-start">
        <${NewRoom} app=${app} state=${state} />
        <${JoinRoom} app=${app} />
      </div>
      ${state.people && html`<${People} people=${state.people} self=${state.you?.user ?? ""} />`}
      <${Footer} />
    </main>`;
}

/** @param {PageProps} props */
function NewRoom({ app, state }) {
  const most = state.config?.limits.room_max ?? 6;
  const [size, setSize] = useState(most);
  const sizes = Array.from({ length: Math.max(most - 1, 1) }, (_, i) => i + 2);
  return html`
    <section class="card action" aria-labelledby="new-room">
      <span class="action-icon action-icon-accent"><${Icon} name="video" /></span>
      <h2 id="new-room">${t("home.new")}</h2>
      <p class="muted">${t("home.new.text")}</p>
      <div class="action-row">
        <label class="inline-label" for="size">${t("home.size")}</label>
        <select id="size" onChange=${(/** @type {any} */ e) => setSize(Number(e.target.value))}>
          ${sizes.map((n) => html`<option value=${n} selected=${n === size}>${t("home.size.n", { n })}</option>`)}
        </select>
      </div>
      <button type="button" class="button button-primary button-wide" onClick=${() => app.newRoom(size)}>
        <${Icon} name="plus" /><span>${t("home.new.go")}</span></button>
    </section>`;
}

/** @param {{app: import("../app.js").App}} props */
function JoinRoom({ app }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const room = roomFrom(text);
    setWrong(!room);
    if (room) app.goToRoom(room);
  };
  return html`
    <section class="card action" aria-labelledby="join-room">
      <span class="action-icon"><${Icon} name="link" /></span>
      <h2 id="join-room">${t("home.join")}</h2>
      <p class="muted">${t("home.join.text")}</p>
      <form class="action-form" onSubmit=${submit}>
        <label class="visually-hidden" for="room">${t("home.join.label")}</label>
        <input id="room" required autocomplete="off" autocapitalize="none" spellcheck=${false} placeholder=${t("home.join.label")} value=${text}
          onInput=${(/** @type {any} */ e) => setText(e.target.value)} aria-invalid=${wrong ? "true" : "false"} aria-describedby="room-problem" />
        <p class="problem" id="room-problem" role="alert">${wrong && t("home.join.wrong")}</p>
        <button type="submit" class="button button-wide"><${Icon} name="arrow-right" /><span>${t("home.join.go")}</span></button>
      </form>
    </section>`;
}

/** @param {{people: import("../net/types.js").Person[], self: string}} props */
function People({ people, self }) {
  const [inviting, setInviting] = useState(false);
  const alone = people.every((person) => person.user === self);
  return html`
    <section class="card people" aria-labelledby="people">
      <div class="card-head">
        <h2 id="people">${t("people.title")} <span class="count">${people.length}</span></h2>
        ${!alone && html`<button type="button" class="button button-quiet" aria-expanded=${inviting ? "true" : "false"} aria-controls="people-invite"
          aria-label=${t("people.invite")} onClick=${() => setInviting(!inviting)}><${Icon} name="user-plus" /><span class="wide-only">${t("people.invite")}</span></button>`}
      </div>
      <ul class="people-list">
        ${people.map((person) => html`<${PersonRow} key=${person.user} person=${person} self=${person.user === self} />`)}
      </ul>
      ${(alone || inviting) && html`
        <div class="people-empty" id="people-invite">
          ${alone && html`<p>${t("people.alone")}</p>`}
          <${Invite} url=${`${location.origin}/`} primary=${false} />
        </div>`}
    </section>`;
}

/** @param {{person: import("../net/types.js").Person, self: boolean}} props */
const PersonRow = ({ person, self }) => html`
  <li class="person">
    <${Avatar} name=${person.name} />
    <span class="person-name"><bdi>${person.name}</bdi>${self && html` <span class="muted">${t("people.you")}</span>`}</span>
    ${person.guest && html`<span class="tag">${t("people.guest")}</span>`}
    <span class=${`status status-${person.status}`}>${t(`people.status.${person.status}`)}</span>
  </li>`;
