import { LANGUAGES, language, OWN_NAMES, PSEUDO, t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";
import { Lazy } from "./lazy.js";

/** The mark and the name of this server, which lead home. @param {{name: string}} props */
export const Brand = ({ name }) => html`
  <a class="brand" href="/"><svg class="brand-mark" aria-hidden="true" viewBox="0 0 32 32">
    <path class="brand-back" d="M12 3h12a6 6 0 0 1 6 6v7a6 6 0 0 1-6 6h-1v5l-6-5h-5a6 6 0 0 1-6-6V9a6 6 0 0 1 6-6z" />
    <path class="brand-front" d="M8 11h9a6 6 0 0 1 6 6v4a6 6 0 0 1-6 6h-5l-5 4v-4.3A6 6 0 0 1 2 21v-4a6 6 0 0 1 6-6z" />
  </svg><span>${name}</span></a>`;

/** Behind a touch, so it comes with the touch. */
const loadYou = () => import("./you.js").then(({ YouDialog }) => YouDialog);

/** @param {import("./root.js").PageProps} props */
export function TopBar({ app, state }) {
  const { you, config, net, prefs } = state;
  const [open, setOpen] = useState(false);
  const online = net === "online";
  return html`
    <header class="topbar">
      <${Brand} name=${config?.name ?? "Parley"} />
      ${you && html`
        <div class="topbar-side">
          <span class=${online ? "net net-on" : "net"}>${t(online ? "net.online" : "net.away")}</span>
          <button type="button" class="whoami" aria-haspopup="dialog" title=${t("you.title")} onClick=${() => setOpen(true)}>
            <span class=${`whoami-avatar whoami-${prefs.status}`}><${Avatar} name=${you.name} /></span><bdi class="whoami-name">${you.name}</bdi>
            ${you.guest && html`<span class="tag">${t("people.guest")}</span>`}
            ${prefs.status !== "available" && html`<span class="visually-hidden">${t(`people.status.${prefs.status}`)}</span>`}
            <${Icon} name="chevron-down" /></button>
          <button type="button" class="button button-quiet" onClick=${() => app.signOut()} aria-label=${t("signout")}>
            <${Icon} name="log-out" /><span class="wide-only">${t("signout")}</span>
          </button>
        </div>`}
    </header>
    ${open && html`<${Lazy} load=${loadYou} props=${{ app, state, onClose: () => setOpen(false) }} onFail=${() => setOpen(false)} />`}`;
}

/** The same line at the foot of every page: help is always in the same place. @param {{app: import("../app.js").App}} props */
export const Footer = ({ app }) => html`
  <footer class="footer"><span>${t("footer.private")}</span><a href="/test">${t("check.link")}</a><a href="/about">${t("footer.about")}</a><${Languages} app=${app} /></footer>`;

/** Each language by its own name, marked as that language for who listens. @param {{app: import("../app.js").App}} props */
const Languages = ({ app }) => html`
  <select class="languages" aria-label=${t("language.label")} onChange=${(/** @type {any} */ e) => void app.setLanguage(e.target.value)}>
    ${LANGUAGES.map((lang) => html`<option key=${lang} value=${lang} lang=${lang} selected=${lang === language()}>${OWN_NAMES[lang]}</option>`)}
    ${language() === PSEUDO && html`<option value=${PSEUDO} selected>${PSEUDO}</option>`}
  </select>`;
