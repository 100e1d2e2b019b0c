import { t } from "../i18n.js";
import { Choice } from "./choice.js";
import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";

/** What an open call is to be like. @param {import("./root.js").PageProps & {onClose: () => void}} props */
export function PostDialog({ app, state, onClose }) {
  const [title, setTitle] = useState("");
  const [video, setVideo] = useState(true);
  const [members, setMembers] = useState(false);
  const [stored, setStored] = useState(false);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    onClose();
    void app.board.post({ title: title.trim(), video, audience: members ? "signed_in" : "all", stored, expires: 0 });
  };
  return html`
    <${Dialog} title=${t("board.open")} onClose=${onClose}>
      <p class="muted">${t("board.open.text")}</p>
      <form class="form form-tight" onSubmit=${submit}>
        <div class="field">
          <label for="offer-title">${t("board.subject")}</label>
          <input id="offer-title" maxlength="100" autocomplete="off" value=${title} placeholder=${t("board.subject.hint")} onInput=${(/** @type {any} */ e) => setTitle(e.target.value)} />
        </div>
        <${Choice} name="offer-kind" legend=${t("board.kind")} value=${video ? "video" : "audio"} onChoose=${(/** @type {string} */ v) => setVideo(v === "video")}
          options=${[{ value: "video", text: t("call.video") }, { value: "audio", text: t("call.audio") }]} />
        <${Choice} name="offer-for" legend=${t("board.for")} value=${members ? "signed_in" : "all"} onChoose=${(/** @type {string} */ v) => setMembers(v === "signed_in")}
          options=${[{ value: "all", text: t("board.for.all") }, { value: "signed_in", text: t("board.for.members") }]} />
        <div class="check">
          <input type="checkbox" id="offer-stored" checked=${stored} onChange=${(/** @type {any} */ e) => setStored(e.target.checked)} aria-describedby="offer-stored-note" />
          <div><label for="offer-stored">${t("board.stored")}</label>
            <p class="muted small" id="offer-stored-note">${t(state.prefs.relayOnly ? "board.stored.hidden" : "board.stored.text")}</p></div>
        </div>
        <button type="submit" class="button button-primary button-wide">${t("board.post")}</button>
      </form>
    <//>`;
}
