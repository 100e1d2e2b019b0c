import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { html, render, useEffect, useRef, useState, useStore } from "./html.js";
import { Icon } from "./icon.js";
import { Video } from "./media.js";
import { DeviceToggle } from "./toggle.js";

/**
 * A small window over all others: one person, and the controls. Where the
 * browser has no window of a page's own, its video alone is shown.
 */

/** @type {any} */
const page = globalThis;
const SIZE = { width: 400, height: 300 };

/** @returns {boolean} whether anything of the kind is there */
export const canPip = () => Boolean(page.documentPictureInPicture) || document.pictureInPictureEnabled === true;

/**
 * @param {import("../app.js").App} app
 * @returns {{pip: Window | null, toggle: (id?: string) => Promise<void>}}  id: of the member to show, "" for whoever
 *   is first; another one while it is open takes the place of the first, and the same one or none closes it
 */
export function usePip(app) {
  const [pip, setPip] = useState(/** @type {Window | null} */ (null));
  const shown = useRef("");
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  useEffect(() => () => pip?.close(), [pip]);
  const toggle = async (id = "") => {
    if (pip && (!id || id === shown.current)) return pip.close();
    if (!page.documentPictureInPicture) return nativePip(id);
    const opened = pip ?? (await open(() => setPip(null)));
    if (!opened) return;
    if (!here.current) return opened.close();
    shown.current = id;
    render(html`<${Small} app=${app} wanted=${id} onBack=${() => opened.close()} />`, opened.document.body);
    setPip(opened);
  };
  return { pip, toggle };
}

/** @param {() => void} onClosed @returns {Promise<Window | null>} null: the browser does not want to */
async function open(onClosed) {
  const opened = await page.documentPictureInPicture.requestWindow(SIZE).catch(() => null);
  if (!opened) return null;
  dress(opened);
  opened.addEventListener("pagehide", () => {
    render(null, opened.document.body);
    onClosed();
  });
  return opened;
}

/** The same looks: copies of the style sheets, since nothing may be inline. @param {Window} opened */
function dress(opened) {
  const { document: there } = opened;
  there.title = document.title;
  Object.assign(there.documentElement, { lang: document.documentElement.lang, dir: document.documentElement.dir });
  there.body.className = "pip";
  for (const { href } of /** @type {NodeListOf<HTMLLinkElement>} */ (document.querySelectorAll("link[rel=stylesheet]"))) {
    there.head.append(Object.assign(there.createElement("link"), { rel: "stylesheet", href }));
  }
}

/** @param {string} id */
async function nativePip(id) {
  const videos = /** @type {HTMLVideoElement[]} */ ([...document.querySelectorAll("video[data-of]")]);
  const video = videos.find((one) => one.dataset.of === id) ?? videos[0];
  const now = document.pictureInPictureElement;
  if (now && (!id || now === video)) return document.exitPictureInPicture().catch(() => {});
  await video?.requestPictureInPicture?.().catch(() => {});
}

/** @param {{app: import("../app.js").App, wanted: string, onBack: () => void}} props */
function Small({ app, wanted, onBack }) {
  const state = useStore(app.o.store);
  const members = state.call?.members ?? [];
  const view = members.find(({ id }) => id === wanted) ?? members[0];
  const slot = view?.state.screen ? "screen" : "cam";
  const leave = () => {
    onBack();
    app.calls.leave();
  };
  return html`
    <main class="pip-main">
      <div class="tile pip-tile">
        ${view?.state[slot] && view.tracks[slot]
          ? html`<${Video} track=${view.tracks[slot]} of=${view.id} slot=${slot} label=${t("tile.video", { name: view.name })} />`
          : html`<div class="tile-empty"><${Avatar} name=${view?.name ?? state.you?.name ?? ""} size="large" /></div>`}
        ${view && html`<p class="tile-label"><bdi>${view.name}</bdi></p>`}
      </div>
      <div class="pip-controls">
        <${DeviceToggle} app=${app} state=${state} device="mic" round=${true} />
        <${DeviceToggle} app=${app} state=${state} device="cam" round=${true} />
        <button type="button" class="toggle toggle-round" onClick=${onBack}><${Icon} name="maximize" /><span class="toggle-name">${t("pip.back")}</span></button>
        <button type="button" class="toggle toggle-round toggle-leave" onClick=${leave}><${Icon} name="phone-off" /><span class="toggle-name">${t("controls.leave")}</span></button>
      </div>
    </main>`;
}
