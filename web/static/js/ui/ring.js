import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { html, useEffect, useRef } from "./html.js";
import { Icon } from "./icon.js";
import { Menu } from "./menu.js";
import { notify } from "./notify.js";
import { chime, startRinging } from "./ringer.js";

/** @typedef {import("./root.js").PageProps} PageProps */
/** @typedef {import("../state.js").Ring} Ring */

/** Keys that were meant for something else when the call came in do nothing. */
const DEAF_MS = 500;
/** What one can say in a click. */
const REPLIES = ["reply.soon", "reply.later", "reply.message"];
/** Phases in which answering means leaving something. */
const ENGAGED = new Set(["in", "joining", "calling"]);

/** The oldest call that comes in; a later one waits for its turn and never takes its place. @param {PageProps} props */
export function Incoming({ app, state }) {
  const audible = state.rings.filter((ring) => !ring.silent);
  const ring = audible[0];
  if (!ring) return null;
  return html`<${RingDialog} key=${ring.call} app=${app} state=${state} ring=${ring} others=${audible.slice(1)} />`;
}

/** One's own open call was answered while one may have been elsewhere. @param {import("../state.js").State} state */
export function useAnswered({ call, prefs }) {
  const last = useRef("");
  const phase = call?.phase ?? "";
  useEffect(() => {
    const answered = last.current === "waiting" && phase === "in";
    last.current = phase;
    if (!answered) return;
    chime("ring");
    if (prefs.notify) return notify(t("board.answered", { name: call?.label ?? "" }), "answered");
  }, [phase]);
}

/** A call that rang in vain leaves a note where the page is not in sight. @param {import("../state.js").State} state */
export function useMissed({ missed, prefs }) {
  const known = useRef(missed.length);
  useEffect(() => {
    const more = missed.length > known.current;
    known.current = missed.length;
    if (more && prefs.notify) notify(t("missed.one", { name: missed[0]?.name ?? "" }), "missed");
  }, [missed]);
}

/** @param {PageProps & {ring: Ring, others: Ring[]}} props */
function RingDialog({ app, state, ring, others }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const { from, video, call } = ring;
  const engaged = ENGAGED.has(state.call?.phase ?? "");
  const title = t(video ? "ring.title.video" : "ring.title.audio", { name: from.name });
  useModal(ref);
  useEffect(() => startRinging(engaged ? "knock" : "ring", title), [call]);
  useEffect(() => (state.prefs.notify ? notify(title, call) : undefined), [call]);
  const calling = app.calling;
  return html`
    <dialog ref=${ref} class="dialog ring" role="alertdialog" aria-modal="true" aria-labelledby="ring-title" aria-describedby="ring-text" tabindex="-1"
      onCancel=${(/** @type {Event} */ event) => event.preventDefault()} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && calling.ignore(call)}>
      <div class="ring-body">
        <span class="calling-avatar"><${Avatar} name=${from.name} size="large" /></span>
        <h2 id="ring-title">${title}</h2>
        <p class="muted" id="ring-text">${t(engaged ? "ring.engaged" : from.guest ? "ring.guest" : "ring.text")}</p>
        <div class="ring-accept">
          <button type="button" class="button button-accept button-big" onClick=${() => calling.accept(call, true)}><${Icon} name="video" /><span>${t(engaged ? "ring.end.video" : "ring.accept.video")}</span></button>
          <button type="button" class=${video ? "button button-big" : "button button-big button-accept-soft"} onClick=${() => calling.accept(call, false)}><${Icon} name="phone" /><span>${t(engaged ? "ring.end.audio" : "ring.accept.audio")}</span></button>
        </div>
        <div class="ring-refuse">
          <div class="split">
            <button type="button" class="button button-leave" onClick=${() => calling.decline(call)}><${Icon} name="phone-off" /><span>${t("ring.decline")}</span></button>
            <${Menu} label=${t("ring.reply")} icon="chevron-down" kind="button button-leave button-icon" place="menu-up"
              items=${REPLIES.map((key) => ({ icon: "chat", text: t(key), run: () => calling.decline(call, t(key)) }))} />
          </div>
          <button type="button" class="button button-quiet" onClick=${() => calling.ignore(call)}>${t("ring.ignore")}</button>
        </div>
        ${others.length > 0 && html`<p class="muted small">${t("ring.others", { n: others.length, name: others[0]?.from.name ?? "" })}</p>`}
      </div>
    </dialog>`;
}

/**
 * Opens the dialog with the focus on itself rather than on a button: whoever
 * was typing answers nothing. @param {{current: HTMLDialogElement | null}} ref
 */
function useModal(ref) {
  useEffect(() => {
    const dialog = ref.current;
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    const opened = performance.now();
    /** @param {KeyboardEvent} event */
    const deaf = (event) => {
      if (performance.now() - opened >= DEAF_MS) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    addEventListener("keydown", deaf, true);
    addEventListener("keyup", deaf, true);
    dialog?.showModal();
    dialog?.focus();
    return () => {
      removeEventListener("keydown", deaf, true);
      removeEventListener("keyup", deaf, true);
      dialog?.close();
      if (opener?.isConnected) opener.focus();
    };
  }, []);
}
