import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";
import { Invite } from "./invite.js";
import { KnockToast } from "./toasts.js";

/** @typedef {import("./root.js").PageProps} PageProps */
/** @typedef {import("../state.js").CallView} CallView */

/** Who is here, how others come in, and what the host decides. @param {PageProps} props */
export function RoomPanel({ app, state }) {
  const { call, you } = state;
  if (!call) return null;
  const host = call.host !== "" && call.host === you?.peer;
  return html`
    ${call.knocks.map((knock) => html`<${KnockToast} key=${knock.id} app=${app} knock=${knock} />`)}
    ${call.kind === "link" && html`<div class="panel-part"><p class="muted">${t(call.locked ? "room.invite.locked" : call.pass ? "room.invite.pass" : "invite.text")}</p><${Invite} url=${location.href} /></div>`}
    <${AddPerson} app=${app} state=${state} call=${call} />
    <${Members} app=${app} state=${state} call=${call} host=${host} />
    ${call.kind === "link" && (host ? html`<${HostPart} app=${app} state=${state} call=${call} />` : html`<p class="muted small">${t("room.nothost")}</p>`)}`;
}

/** Calls someone into this room. @param {PageProps & {call: CallView}} props */
function AddPerson({ app, state, call }) {
  const [text, setText] = useState("");
  const here = new Set(call.members.map((member) => member.name));
  const wanted = text.trim().toLocaleLowerCase();
  const free = (state.people ?? []).filter((person) => person.user !== state.you?.user && !here.has(person.name) && person.name.toLocaleLowerCase().includes(wanted));
  const full = call.max > 0 && call.members.length + 1 >= call.max;
  if (full) return html`<p class="muted small">${t("room.full")}</p>`;
  if (!state.people || state.people.length - 1 <= call.members.length) return null;
  return html`
    <div class="panel-part">
      <h3>${t("room.add")}</h3>
      ${state.people.length > 6 && html`<div class="search"><${Icon} name="search" /><input type="search" aria-label=${t("people.search")} placeholder=${t("people.search")} value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} /></div>`}
      <ul class="people-list people-short">
        ${free.map(({ user, name, status }) => html`
          <li class="person" key=${user}><${Avatar} name=${name} />
            <div class="person-text"><span class="person-name"><bdi>${name}</bdi></span><span class=${`status status-${status}`}>${t(`people.status.${status}`)}</span></div>
            <div class="person-actions"><button type="button" class="button button-small" disabled=${state.added.some((one) => one.name === name)} aria-label=${t("room.call.name", { name })}
              onClick=${() => app.calling.add({ user, name }, call.room)}><${Icon} name="phone" /><span>${t("room.call")}</span></button></div></li>`)}
      </ul>
    </div>`;
}

/** @param {PageProps & {call: CallView, host: boolean}} props */
function Members({ app, state, call, host }) {
  if (!call.members.length) return null;
  return html`
    <div class="panel-part">
      <h3>${t("room.members", { n: call.members.length + 1 })}</h3>
      <ul class="people-list">
        <li class="person"><${Avatar} name=${state.you?.name ?? ""} /><div class="person-text"><span class="person-name"><bdi>${state.you?.name}</bdi> <span class="muted">${t("people.you")}</span></span>
          ${host && html`<span class="muted small">${t("room.host")}</span>`}</div></li>
        ${call.members.map(({ id, name, guest }) => html`
          <li class="person" key=${id}><${Avatar} name=${name} />
            <div class="person-text"><span class="person-name"><bdi>${name}</bdi></span>
              <span class="muted small">${[id === call.host && t("room.host"), guest && t("people.guest")].filter(Boolean).join(" · ")}</span></div>
            ${host && html`<div class="person-actions"><${Kick} name=${name} onKick=${() => app.door.kick(id)} /></div>`}</li>`)}
      </ul>
    </div>`;
}

/** Removing asks once more, in place. @param {{name: string, onKick: () => void}} props */
function Kick({ name, onKick }) {
  const [sure, setSure] = useState(false);
  return html`<button type="button" class=${sure ? "button button-small button-leave" : "button button-small"} aria-label=${t(sure ? "room.kick.sure.name" : "room.kick.name", { name })}
    onClick=${() => (sure ? onKick() : setSure(true))} onBlur=${() => setSure(false)}>${t(sure ? "room.kick.sure" : "room.kick")}</button>`;
}

/** @param {PageProps & {call: CallView}} props */
function HostPart({ app, state, call }) {
  const [title, setTitle] = useState(call.title);
  const [pass, setPass] = useState("");
  const most = state.config?.limits.room_max ?? 6;
  const sizes = Array.from({ length: Math.max(most - 1, 1) }, (_, i) => i + 2);
  const { door } = app;
  return html`
    <div class="panel-part">
      <h3>${t("room.settings")}</h3>
      <div class="check">
        <input type="checkbox" id="room-lock" checked=${call.locked} onChange=${(/** @type {any} */ e) => door.change({ locked: e.target.checked })} aria-describedby="room-lock-note" />
        <div><label for="room-lock">${t("room.lock")}</label><p class="muted small" id="room-lock-note">${t("room.lock.text")}</p></div>
      </div>
      <form class="field" onSubmit=${(/** @type {Event} */ e) => {
        e.preventDefault();
        door.change({ title: title.trim() });
      }}>
        <label for="room-title">${t("room.title")}</label>
        <div class="field-row"><input id="room-title" maxlength="100" autocomplete="off" value=${title} onInput=${(/** @type {any} */ e) => setTitle(e.target.value)} />
          <button type="submit" class="button" disabled=${title.trim() === call.title}>${t("room.save")}</button></div>
      </form>
      <form class="field" onSubmit=${(/** @type {Event} */ e) => {
        e.preventDefault();
        door.change({ pass });
        setPass("");
      }}>
        <label for="room-password">${t("password.label")}</label>
        <div class="field-row"><input id="room-password" type="password" autocomplete="new-password" value=${pass} placeholder=${t(call.pass ? "room.pass.is" : "room.pass.none")} onInput=${(/** @type {any} */ e) => setPass(e.target.value)} />
          <button type="submit" class="button" disabled=${!pass}>${t("room.save")}</button>
          ${call.pass && html`<button type="button" class="button" onClick=${() => door.change({ pass: null })}>${t("room.pass.remove")}</button>`}</div>
      </form>
      <div class="action-row">
        <label class="inline-label" for="room-max">${t("home.size")}</label>
        <select id="room-max" onChange=${(/** @type {any} */ e) => door.change({ max: Number(e.target.value) })}>
          ${sizes.map((n) => html`<option value=${n} selected=${n === call.max}>${t("home.size.n", { n })}</option>`)}</select>
      </div>
    </div>`;
}
