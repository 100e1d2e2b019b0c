import { App } from "./app.js";
import { choose, direction, language, setLanguage } from "./i18n.js";
import { NOTHING } from "./initial.js";
import { loadPrefs } from "./prefs.js";
import { followPage } from "./net/page.js";
import { tabKey } from "./net/tabkey.js";
import { Router } from "./router.js";
import { LocalMedia } from "./rtc/devices.js";
import { Store } from "./store.js";
import { announce } from "./ui/announce.js";
import { html, render } from "./ui/html.js";
import { Root } from "./ui/root.js";

/** This client's build, which is part of its own address: /a/<build>/js/main.js. */
const build = new URL(import.meta.url).pathname.split("/").at(-3) ?? "";

/** @param {string} lang */
async function loadMessages(lang) {
  const response = await fetch(new URL(`../i18n/${lang}.json`, import.meta.url));
  return response.json();
}

/** @returns {import("./state.js").AppStore} */
function makeStore() {
  const closed = { on: false, busy: false, id: "", track: null, error: null, instead: "", held: false };
  /** @type {import("./state.js").State} */
  const state = {
    ...NOTHING, route: { page: "home" }, devices: { mic: closed, cam: closed }, lists: { audio: [], video: [], output: [] }, prefs: loadPrefs(),
    screen: { busy: false, track: null, audio: null, motion: false, failure: null },
  };
  return new Store(state);
}

/** The whole page in one language. @param {string} lang  "": as the browser wishes */
async function speak(lang) {
  await setLanguage(lang || choose(navigator.languages), loadMessages);
  document.documentElement.lang = language();
  document.documentElement.dir = direction();
}

async function start() {
  const store = makeStore();
  await speak(store.state.prefs.lang);
  const { prefs } = store.state;
  const media = new LocalMedia();
  void media.choose("mic", prefs.mic);
  void media.choose("cam", prefs.cam);
  /** @type {App} */
  let app;
  const router = new Router((route) => app.routed(route));
  app = new App({ store, router, media, key: await tabKey(), build, lang: language(), speak, announce });
  store.set({ route: router.route });
  // The browser may change its mind while the page is open; what was chosen here stands.
  addEventListener("languagechange", () => store.state.prefs.lang || void speak("").then(() => store.set({})));
  followPage(app.session, () => {
    app.calls.vanish();
    app.session.close();
  });
  const root = document.getElementById("app");
  if (root) render(html`<${Root} app=${app} store=${store} />`, root);
  await app.boot();
  // Nothing that a first picture waits for; without it the browser's own rules hold.
  void import("./ui/focus.js").then(({ keepFocus }) => keepFocus(), () => {});
}

void start();
