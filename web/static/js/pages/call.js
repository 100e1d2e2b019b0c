import { clock, t } from "../i18n.js";
import { callName } from "../names.js";
import { AloneInCall } from "../ui/alone.js";
import { ConnectionBadge } from "../ui/connection.js";
import { Controls } from "../ui/controls.js";
import { DevicePanel, DeviceProblem, RelayToggle } from "../ui/devicepanel.js";
import { Dialog } from "../ui/dialog.js";
import { html, useClock, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Invite } from "../ui/invite.js";
import { RoomPanel } from "../ui/roompanel.js";
import { SelfTile, Tile } from "../ui/tile.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** @param {PageProps} props */
export function CallPage({ app, state }) {
  const [dialog, setDialog] = useState(/** @type {"" | "invite" | "settings"} */ (""));
  const close = () => setDialog("");
  const members = state.call?.members ?? [];
  return html`
    <div class="call">
      <${CallHead} app=${app} state=${state} />
      <main id="main" class="call-main">
        <div class="stage-wrap">
          ${members.length ? html`<${Stage} state=${state} members=${members} />` : html`<${Alone} app=${app} state=${state} />`}
          <div class="call-notices">
            <${DeviceProblem} app=${app} state=${state} device="mic" />
            <${DeviceProblem} app=${app} state=${state} device="cam" />
          </div>
        </div>
        <${Controls} app=${app} state=${state} onInvite=${() => setDialog("invite")} onSettings=${() => setDialog("settings")} />
      </main>
    </div>
    ${dialog === "invite" && html`<${Dialog} title=${t("room.panel")} onClose=${close} wide=${true}>
      <${RoomPanel} app=${app} state=${state} /><//>`}
    ${dialog === "settings" && html`<${Dialog} title=${t("settings.title")} onClose=${close}>
      <${DevicePanel} app=${app} state=${state} /><${RelayToggle} app=${app} state=${state} /><//>`}`;
}

/** @param {PageProps} props */
const CallHead = ({ app, state }) => html`
  <header class="call-head">
    <h1 tabindex="-1" class="room-name"><bdi>${state.call && callName(state.call)}</bdi>
      ${state.call?.locked && state.call.kind === "link" && html`<span class="head-lock"><${Icon} name="lock" /><span class="visually-hidden">${t("room.locked")}</span></span>`}</h1>
    <${ConnectionBadge} app=${app} state=${state} />
    <${Clock} since=${state.call?.since ?? 0} />
  </header>`;

/** @param {{since: number}} props */
function Clock({ since }) {
  const now = useClock();
  return html`<time class="clock" role="timer" aria-live="off">${clock(Math.max(0, Math.round((now - since) / 1000)))}</time>`;
}

/**
 * One other person fills the stage, oneself in the corner; more stand in a grid with oneself among them.
 * @param {{state: import("../state.js").State, members: import("../rtc/member.js").View[]}} props
 */
function Stage({ state, members }) {
  const [blocked, setBlocked] = useState(false);
  const { mic, cam } = state.devices;
  const pair = members.length === 1;
  const hear = () => {
    setBlocked(false);
    for (const audio of document.querySelectorAll("audio")) void audio.play().catch(() => setBlocked(true));
  };
  return html`
    <div class=${`stage ${pair ? "stage-pair" : `stage-grid stage-${members.length + 1}`}`}>
      ${members.map((view) => html`<${Tile} key=${view.id} view=${view} speaker=${state.prefs.speaker} onBlocked=${() => setBlocked(true)} />`)}
      <${SelfTile} key="self" name=${state.you?.name ?? ""} track=${cam.track} mic=${mic.on && mic.track !== null} small=${pair} />
    </div>
    ${blocked && html`<button type="button" class="button button-primary hear" onClick=${hear}><${Icon} name="volume" /><span>${t("call.hear")}</span></button>`}`;
}

/** Nobody else is here yet, or any more. @param {PageProps} props */
const Alone = ({ app, state }) => html`
  <div class="stage stage-alone">
    ${state.call?.kind === "link"
      ? html`<section class="card alone">
          <h2>${t("alone.title")}</h2>
          <p class="muted">${t("alone.text")}</p>
          <${Invite} url=${location.href} />
          <p class="muted small">${t("alone.secret")}</p>
        </section>`
      : html`<${AloneInCall} app=${app} state=${state} />`}
    <${SelfTile} key="self" name=${state.you?.name ?? ""} track=${state.devices.cam.track} mic=${state.devices.mic.on && state.devices.mic.track !== null} small=${true} />
  </div>`;
