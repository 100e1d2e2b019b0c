import { clock, t } from "../i18n.js";
import { callName } from "../names.js";
import { AloneInCall } from "../ui/alone.js";
import { ConnectionBadge, ConnectionDialog } from "../ui/connection.js";
import { CORNER, nextCorner } from "../ui/corner.js";
import { Controls, toggleScreen } from "../ui/controls.js";
import { Dialog } from "../ui/dialog.js";
import { Talking } from "../ui/chatpanel.js";
import { html, useClock, useMedia, useState, useStore } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { useMediaSession, useSigns, useSizes, useWakeLock } from "../ui/inside.js";
import { Invite } from "../ui/invite.js";
import { useLinkWords } from "../ui/links.js";
import { KeysDialog, More, SettingsDialog, SIGNS } from "../ui/more.js";
import { Comings, Notices } from "../ui/notices.js";
import { usePip } from "../ui/pip.js";
import { RoomPanel } from "../ui/roompanel.js";
import { SafetyBadge, SafetyDialog } from "../ui/safety.js";
import { useShortcuts } from "../ui/shortcuts.js";
import { isPair, Sharing, Stage } from "../ui/stage.js";
import { FULL, SelfTile } from "../ui/tile.js";
import { fullScreen } from "../ui/tilemenu.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */
/** @typedef {import("../ui/tile.js").Room} Room */

/** @param {PageProps} props */
export function CallPage({ app, state }) {
  const members = state.call?.members ?? [];
  const [dialog, setDialog] = useState(/** @type {{name: string, id?: string}} */ ({ name: "" }));
  const [blocked, setBlocked] = useState(false);
  const { pip, toggle: openPip } = usePip(app);
  const togglePip = () => void openPip();
  const room = useRoom({ app, state, open: setDialog, onBlocked: () => setBlocked(true), openPip });
  const narrow = useMedia(NARROW);
  useWakeLock();
  useMediaSession(app, state, togglePip);
  useSizes(app, state, pip);
  useLinkWords(members);
  const hand = () => app.calls.raiseHand(!state.call?.hand);
  const open = (/** @type {string} */ name) => setDialog({ name });
  // A dialog that says late that it was closed does not close the next one.
  const closed = () => setDialog((now) => (now === dialog ? { name: "" } : now));
  useShortcuts(actionsOf(app, state, { hand, pip: togglePip, open }), state.prefs.keys);
  const { unread, open: talking } = useStore(app.talk.store);
  // The last question is asked only when something would be lost.
  const leave = () => (app.talk.files?.busy ? open("leave") : app.calls.leave());
  const tools = [
    { id: "chat", icon: "chat", text: t("chat.open"), run: () => app.talk.show(!talking), pressed: talking, count: unread, ...(unread && { label: t("chat.unread", { n: unread }) }) },
    { id: "people", icon: "users", text: t("controls.people"), run: () => open("people"), dialog: true },
    { id: "settings", icon: "settings", text: t("controls.settings"), run: () => open("settings"), dialog: true, wide: true },
  ].filter((tool) => !tool.wide || !narrow);
  return html`
    <div class="call">
      <${CallHead} app=${app} state=${state} open=${setDialog} />
      <main id="main" class="call-main">
        <${Sharing} app=${app} state=${state} />
        <div class="stage-wrap">
          ${members.length ? html`<${Stage} room=${room} members=${members} />` : html`<${Alone} room=${room} />`}
          <${Notices} app=${app} state=${state} />
          <${Comings} members=${members} />
          ${blocked && html`<${Hear} onDone=${setBlocked} />`}
        </div>
        <${Controls} app=${app} state=${state} tools=${tools} onLeave=${leave} menu=${(/** @type {number} */ tabindex) => html`
          <${More} app=${app} state=${state} tabindex=${tabindex} narrow=${narrow} onSign=${room.sign} onHand=${hand} onMove=${isPair(room.pinned, members) ? () => room.setCorner(nextCorner(room.corner)) : undefined} onPip=${togglePip} onOpen=${open} />`} />
      </main>
    </div>
    <${Talking} app=${app} state=${state} />
    <${Open} app=${app} state=${state} dialog=${dialog} onClose=${closed} />`;
}

/**
 * What the tiles share: who is pinned, how loud each is, who waves.
 * @param {PageProps & {open: (dialog: {name: string, id?: string}) => void, onBlocked: () => void, openPip: (id: string) => void}} props
 */
function useRoom({ app, state, open, onBlocked, openPip }) {
  const [pinned, pin] = useState("");
  const [corner, setCorner] = useState(CORNER);
  const [hearing, setAll] = useState(/** @type {Room["hearing"]} */ ({}));
  const [signs, sign] = useSigns(app, SIGNS);
  const setHearing = (/** @type {string} */ id, /** @type {Partial<import("../ui/tile.js").Hearing>} */ change) =>
    setAll((all) => ({ ...all, [id]: { ...FULL, ...all[id], ...change } }));
  return {
    app, state, signs, sign, hearing, setHearing, pinned, pin, corner, setCorner, onBlocked, openPip,
    verify: (/** @type {string} */ id) => open({ name: "safety", id }),
    details: (/** @type {string} */ id) => open({ name: "connection", id }),
  };
}

/**
 * @param {import("../app.js").App} app @param {import("../state.js").State} state
 * @param {{hand: () => void, pip: () => void, open: (name: string) => void}} more
 * @returns {import("../ui/shortcuts.js").Actions}
 */
function actionsOf(app, { devices }, { hand, pip, open }) {
  const toggle = (/** @type {"mic" | "cam"} */ device) => void app.setDevice(device, !devices[device].on);
  return {
    toggle,
    // For as long as the key is held, and not remembered.
    muted: !devices.mic.on,
    talk: (on) => void app.o.media.setOn("mic", on),
    single: {
      m: () => toggle("mic"), v: () => toggle("cam"), s: () => toggleScreen(app), f: () => fullScreen(),
      p: pip, h: hand, c: () => app.talk.show(!app.talk.store.state.open), "?": () => open("keys"),
    },
  };
}

/** Below this there is no room for every tool in the bar. */
const NARROW = "(max-width: 700px)";

/** @param {PageProps & {open: (dialog: {name: string, id?: string}) => void}} props */
function CallHead({ app, state, open }) {
  const members = state.call?.members ?? [];
  const [first] = members;
  return html`
    <header class="call-head">
      <h1 tabindex="-1" class="room-name"><bdi>${state.call && callName(state.call)}</bdi>
        ${state.call?.locked && state.call.kind === "link" && html`<span class="head-lock"><${Icon} name="lock" /><span class="visually-hidden">${t("room.locked")}</span></span>`}</h1>
      ${first && members.length === 1 && html`<${SafetyBadge} view=${first} onOpen=${() => open({ name: "safety", id: first.id })} />`}
      <${ConnectionBadge} app=${app} state=${state} onOpen=${() => open({ name: "connection" })} />
      <${Clock} since=${state.call?.since ?? 0} />
    </header>`;
}

/** @param {{since: number}} props */
function Clock({ since }) {
  const now = useClock();
  return html`<time class="clock" role="timer" aria-live="off">${clock(Math.max(0, Math.round((now - since) / 1000)))}</time>`;
}

/** @param {PageProps & {dialog: {name: string, id?: string}, onClose: () => void}} props */
function Open({ app, state, dialog, onClose }) {
  const view = state.call?.members.find(({ id }) => id === dialog.id);
  switch (dialog.name) {
    case "people":
      return html`<${Dialog} title=${t("room.panel")} onClose=${onClose} wide=${true}><${RoomPanel} app=${app} state=${state} /><//>`;
    case "leave":
      return html`<${Dialog} title=${t("leave.title")} onClose=${onClose}>
        <p>${t("leave.text")}</p>
        <div class="row"><button type="button" class="button button-primary" onClick=${() => app.calls.leave()}>${t("controls.leave")}</button>
          <button type="button" class="button" onClick=${onClose}>${t("leave.stay")}</button></div><//>`;
    case "settings":
      return html`<${SettingsDialog} app=${app} state=${state} onClose=${onClose} />`;
    case "connection":
      return html`<${ConnectionDialog} app=${app} state=${state} only=${dialog.id} onClose=${onClose} />`;
    case "keys":
      return html`<${KeysDialog} onClose=${onClose} />`;
    case "safety":
      return view ? html`<${SafetyDialog} app=${app} view=${view} onClose=${onClose} />` : null;
    default:
      return null;
  }
}

/** The browser wants a touch before it plays sound. @param {{onDone: (blocked: boolean) => void}} props */
function Hear({ onDone }) {
  const hear = () => {
    onDone(false);
    for (const audio of document.querySelectorAll("audio")) if (audio.srcObject) void audio.play().catch(() => onDone(true));
  };
  return html`<button type="button" class="button button-primary hear" onClick=${hear}><${Icon} name="volume" /><span>${t("call.hear")}</span></button>`;
}

/** Nobody else is here yet, or any more. @param {{room: Room}} props */
const Alone = ({ room: around }) => html`
  <div class="stage stage-alone">
    ${around.state.call?.kind === "link"
      ? html`<section class="card alone">
          <h2>${t("alone.title")}</h2>
          <p class="muted">${t("alone.text")}</p>
          <${Invite} url=${location.href} />
          <p class="muted small">${t(around.state.call?.locked ? "room.invite.locked" : around.state.call?.pass ? "room.invite.pass" : "alone.secret")}</p>
        </section>`
      : html`<${AloneInCall} app=${around.app} state=${around.state} />`}
    <${SelfTile} key="self" room=${around} small=${true} />
  </div>`;
