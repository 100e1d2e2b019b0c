import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";
import { html, useClock, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("./root.js").PageProps} PageProps */
/** @typedef {import("../net/types.js").Offer} Offer */

/** Open calls: whoever likes may answer. @param {PageProps} props */
export function BoardSection({ app, state }) {
  const [posting, setPosting] = useState(false);
  const offers = state.offers ?? [];
  return html`
    <section class="card board" aria-labelledby="board">
      <div class="card-head">
        <h2 id="board">${t("board.title")} <span class="count">${offers.length || ""}</span></h2>
        <button type="button" class="button" aria-haspopup="dialog" onClick=${() => setPosting(true)}><${Icon} name="plus" /><span>${t("board.open")}</span></button>
      </div>
      ${offers.length
        ? html`<ul class="people-list">${offers.map((offer) => html`<${Row} key=${offer.offer} app=${app} offer=${offer} self=${offer.by.user === state.you?.user} />`)}</ul>`
        : html`<p class="muted empty-text">${t("board.empty")}</p>`}
    </section>
    ${posting && html`<${PostDialog} app=${app} state=${state} onClose=${() => setPosting(false)} />`}`;
}

/** @param {number} at  Unix seconds @param {number} now  milliseconds @returns {string} */
function age(at, now) {
  const minutes = Math.floor((now / 1000 - at) / 60);
  return minutes < 1 ? t("board.now") : t("board.age", { n: minutes });
}

/** @param {{app: import("../app.js").App, offer: Offer, self: boolean}} props */
function Row({ app, offer, self }) {
  const now = useClock();
  const { by, title, media, at } = offer;
  const kind = t(media?.video ? "call.video" : "call.audio");
  return html`
    <li class="person">
      <${Avatar} name=${by.name} />
      <div class="person-text">
        <span class="person-name"><bdi>${by.name}</bdi>${self && html`<span class="muted">${t("people.you")}</span>`}</span>
        <span class="muted small">${title && html`<bdi>${t("board.quoted", { title })}</bdi> · `}${kind} · ${age(at, now)}</span>
      </div>
      ${!self && html`<div class="person-actions"><button type="button" class="button button-primary" aria-label=${t("board.answer.name", { name: by.name })}
        onClick=${() => app.board.take(offer)}><${Icon} name=${media?.video ? "video" : "phone"} /><span>${t("board.answer")}</span></button></div>`}
    </li>`;
}

/** @param {PageProps & {onClose: () => void}} props */
function PostDialog({ app, state, onClose }) {
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

/**
 * A few exclusive choices side by side.
 * @param {{name: string, legend: string, value: string, options: {value: string, text: string}[], onChoose: (value: string) => void}} props
 */
export const Choice = ({ name, legend, value, options, onChoose }) => html`
  <fieldset class="choice">
    <legend>${legend}</legend>
    <div class="choice-row">
      ${options.map((option) => html`<label key=${option.value}><input type="radio" name=${name} value=${option.value} checked=${option.value === value}
        onChange=${() => onChoose(option.value)} /><span>${option.text}</span></label>`)}
    </div>
  </fieldset>`;
