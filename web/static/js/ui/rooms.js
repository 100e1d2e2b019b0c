import { t } from "../i18n.js";
import { roomFrom } from "../router.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("./root.js").PageProps} PageProps */

/** A room of one's own, or that of others. @param {PageProps} props */
export const Rooms = ({ app, state }) => html`
  <section class="card rooms" aria-labelledby="rooms">
    <div class="card-head"><h2 id="rooms">${t("rooms.title")}</h2></div>
    <${NewRoom} app=${app} state=${state} />
    <${JoinRoom} app=${app} />
  </section>`;

/** @param {PageProps} props */
function NewRoom({ app, state }) {
  const most = state.config?.limits.room_max ?? 6;
  const [size, setSize] = useState(most);
  const sizes = Array.from({ length: Math.max(most - 1, 1) }, (_, i) => i + 2);
  return html`
    <div class="action">
      <p class="muted">${t("home.new.text")}</p>
      <div class="action-row">
        <label class="inline-label" for="size">${t("home.size")}</label>
        <select id="size" onChange=${(/** @type {any} */ e) => setSize(Number(e.target.value))}>
          ${sizes.map((n) => html`<option value=${n} selected=${n === size}>${t("home.size.n", { n })}</option>`)}
        </select>
      </div>
      <button type="button" class="button button-primary button-wide" onClick=${() => app.newRoom(size)}>
        <${Icon} name="plus" /><span>${t("home.new.go")}</span></button>
    </div>`;
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
    <form class="action action-form" onSubmit=${submit}>
      <label for="room">${t("home.join.label")}</label>
      <div class="field-row">
        <input id="room" required autocomplete="off" autocapitalize="none" spellcheck=${false} placeholder=${t("home.join.hint")} value=${text}
          onInput=${(/** @type {any} */ e) => setText(e.target.value)} aria-invalid=${wrong ? "true" : "false"} aria-describedby="room-problem" />
        <button type="submit" class="button"><span>${t("home.join.go")}</span><${Icon} name="arrow-right" /></button>
      </div>
      <p class="problem" id="room-problem" role="alert">${wrong && t("home.join.wrong")}</p>
    </form>`;
}
