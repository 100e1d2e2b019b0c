import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { html, useClock, useState } from "./html.js";
import { Icon } from "./icon.js";
import { Lazy } from "./lazy.js";

/** @typedef {import("./root.js").PageProps} PageProps */
/** @typedef {import("../net/types.js").Offer} Offer */

/** The form comes with the touch that opens it. */
const loadPost = () => import("./post.js").then(({ PostDialog }) => PostDialog);

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
    ${posting && html`<${Lazy} load=${loadPost} props=${{ app, state, onClose: () => setPosting(false) }} onFail=${() => setPosting(false)} />`}`;
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
