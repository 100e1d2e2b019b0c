import { outcome } from "../calling.js";
import { t } from "../i18n.js";
import { Avatar } from "../ui/avatar.js";
import { DeviceProblem } from "../ui/devicepanel.js";
import { html, useEffect } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Preview } from "../ui/preview.js";
import { startRinging } from "../ui/ringer.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** One person: to call, while it rings there, and what became of it. @param {PageProps} props */
export function UserPage({ app, state }) {
  const { route, outgoing } = state;
  const name = route.page === "user" ? route.name : "";
  const rings = outgoing && outgoing.phase !== "ended";
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page page-narrow user">
      ${rings
        ? html`<${Calling} app=${app} state=${state} outgoing=${outgoing} />`
        : html`<${Person} app=${app} state=${state} name=${name} />`}
      <${Footer} app=${app} />
    </main>`;
}

/** @param {PageProps & {name: string}} props */
function Person({ app, state, name }) {
  const { outgoing, people, you } = state;
  const known = people?.find((person) => person.name.toLocaleLowerCase() === name.toLocaleLowerCase());
  const self = known !== undefined && known.user === you?.user;
  const result = outgoing ? outcome(outgoing.reason, outgoing.name, outgoing.note) : null;
  const again = outgoing?.to && "user" in outgoing.to ? outgoing.to.user : known?.user;
  return html`
    <section class="card message">
      <${Avatar} name=${name} size="large" />
      <h1 tabindex="-1"><bdi>${known?.name ?? name}</bdi></h1>
      ${result
        ? html`<p class="outcome" role="status">${t(result.key, result.values)}</p>`
        : html`<p class="muted">${self ? t("outcome.self") : known ? html`<span class=${`status status-${known.status}`}>${t(`people.status.${known.status}`)}</span>` : t("user.text")}</p>`}
      ${!self && html`<div class="row row-center">
        <button type="button" class="button button-primary" onClick=${() => app.call(name, true, again)}><${Icon} name="video" /><span>${t(result ? "user.again.video" : "call.video")}</span></button>
        <button type="button" class="button" onClick=${() => app.call(name, false, again)}><${Icon} name="phone" /><span>${t(result ? "user.again.audio" : "call.audio")}</span></button>
      </div>`}
      <a class="button button-quiet" href="/">${t("common.home")}</a>
    </section>`;
}

/** @param {PageProps & {outgoing: import("../state.js").Outgoing}} props */
function Calling({ app, state, outgoing }) {
  const { name, phase, video } = outgoing;
  useEffect(() => (phase === "ringing" ? startRinging("back") : undefined), [phase]);
  const title = phase === "ringing" ? "calling.ringing" : "calling.calling";
  return html`
    <section class="card message calling">
      <span class="calling-avatar"><${Avatar} name=${name} size="large" /></span>
      <h1 tabindex="-1" data-phase=${phase}><bdi>${name}</bdi></h1>
      <p class="muted" role="status">${t(title, { kind: t(video ? "call.video" : "call.audio") })}</p>
      <${Preview} app=${app} state=${state} />
      <${DeviceProblem} app=${app} state=${state} device="cam" />
      <${DeviceProblem} app=${app} state=${state} device="mic" />
      <button type="button" class="button button-leave button-wide button-big" onClick=${() => app.cancelCall()}><${Icon} name="phone-off" /><span>${t("calling.cancel")}</span></button>
    </section>`;
}
