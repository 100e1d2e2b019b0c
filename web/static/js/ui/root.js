import { t } from "../i18n.js";
import { callName } from "../names.js";
import { Home } from "../pages/home.js";
import { Lobby } from "../pages/lobby.js";
import { Message } from "../pages/message.js";
import { SignIn } from "../pages/signin.js";
import { html, useEffect, useRef, useState, useStore } from "./html.js";
import { Lazy, preload } from "./lazy.js";
import { Incoming, useAnswered, useMissed } from "./ring.js";
import { Strip } from "./strip.js";
import { withStyle } from "./style.js";
import { Toasts } from "./toasts.js";

/**
 * @typedef {import("../app.js").App} App
 * @typedef {import("../state.js").State} State
 * @typedef {{app: App, state: State}} PageProps  what every page gets
 */

/** Pages that are not needed at first, and how they come. @type {Record<string, import("./lazy.js").Load>} */
const LATER = {
  about: () => import("../pages/about.js").then(({ About }) => About),
  user: () => import("../pages/user.js").then(({ UserPage }) => UserPage),
  test: withStyle(() => import("../pages/test.js").then(({ TestPage }) => TestPage), "css/check.css"),
  admin: withStyle(() => import("../pages/admin.js").then(({ AdminPage }) => AdminPage), "css/admin.css"),
  call: withStyle(() => import("../pages/call.js").then(({ CallPage }) => CallPage), "css/call.css", "css/chat.css"),
  full: () => import("../pages/full.js").then(({ Full }) => Full),
  left: () => import("../pages/summary.js").then(({ Summary }) => Summary),
  refused: () => import("../pages/summary.js").then(({ Refused }) => Refused),
  waiting: () => import("../pages/waiting.js").then(({ Waiting }) => Waiting),
  password: () => import("../pages/door.js").then(({ Password }) => Password),
  locked: () => import("../pages/door.js").then(({ Locked }) => Locked),
  knocking: () => import("../pages/door.js").then(({ Knocking }) => Knocking),
};

/** Which of them may be next, by page. @type {Record<string, string[]>} */
const NEXT = { home: ["user", "waiting"], "room.lobby": ["call", "full", "refused"], "room.in": ["left", "refused"], "room.waiting": ["call"], "user.calling": ["call"], ring: ["call"], "room.locked": ["knocking"] };

/** @param {string} name  of LATER */
function later(name) {
  const load = /** @type {import("./lazy.js").Load} */ (LATER[name]);
  /** @param {PageProps} props */
  return function Later(props) {
    const [failed, setFailed] = useState(false);
    if (failed) return html`<${Message} icon="alert" title=${t("unreachable.title")} text=${t("unreachable.text")}
      action=${t("common.retry")} onAction=${() => location.reload()} />`;
    return html`<${Lazy} load=${load} props=${props} fallback=${html`<${Splash} />`} onShow=${focusHeading} onFail=${() => setFailed(true)} />`;
  };
}

/** Fetches what may be next; a failure shows itself when it is needed. @param {string} page */
function ahead(page) {
  for (const name of NEXT[page] ?? []) void preload(/** @type {import("./lazy.js").Load} */ (LATER[name])).catch(() => {});
}

const [About, UserPage, TestPage, AdminPage] = [later("about"), later("user"), later("test"), later("admin")];

/** The page of each phase of a call. @type {Record<import("../state.js").CallView["phase"], (props: PageProps) => object>} */
const CALL_PAGES = {
  lobby: Lobby, joining: Joining, calling: Splash, waiting: later("waiting"), in: later("call"), full: later("full"), password: later("password"), locked: later("locked"),
  knocking: later("knocking"), refused: later("refused"), left: later("left"),
};

/** @param {{app: App, store: import("../state.js").AppStore}} props */
export function Root({ app, store }) {
  const state = useStore(store);
  const name = pageName(state);
  usePageChange(name, state);
  useAnswered(state);
  useMissed(state);
  const rings = state.rings.length > 0;
  useEffect(() => ahead(rings ? "ring" : name), [name, rings]);
  return html`
    <a class="skip-link" href="#main">${t("common.skip")}</a>
    <${Strip} app=${app} state=${state} />
    <${Page} key=${name} app=${app} state=${state} />
    <${Toasts} app=${app} state=${state} />
    <${Incoming} app=${app} state=${state} />`;
}

/** @param {State} state @returns {string} which page is shown; a change moves the focus */
function pageName({ boot, route, ended, you, signIn, call, outgoing }) {
  if (route.page === "about") return "about";
  // It has to work above all when the rest does not.
  if (route.page === "test" && boot !== "loading" && !signIn) return "test";
  if (boot === "unreachable") return "unreachable";
  if (ended) return `ended.${ended}`;
  if (!you) return signIn ? "signin" : "loading";
  if (route.page === "room") return call ? `room.${call.phase === "joining" ? "lobby" : call.phase}` : "loading";
  if (route.page === "user") return `user.${outgoing?.phase === "ringing" ? "calling" : outgoing?.phase ?? "idle"}`;
  return route.page;
}

/** @param {PageProps} props */
function Page({ app, state }) {
  const [name = "", phase] = pageName(state).split(".");
  switch (name) {
    case "about":
      return html`<${About} app=${app} state=${state} />`;
    case "home":
      return html`<${Home} app=${app} state=${state} />`;
    case "test":
      return html`<${TestPage} app=${app} state=${state} />`;
    case "admin":
      return html`<${AdminPage} app=${app} state=${state} />`;
    case "signin":
      return html`<${SignIn} app=${app} state=${state} />`;
    case "room":
      return html`<${state.call ? CALL_PAGES[state.call.phase] : Splash} app=${app} state=${state} />`;
    case "user":
      return html`<${UserPage} app=${app} state=${state} />`;
    case "ended":
      return html`<${Ended} app=${app} code=${phase} />`;
    case "unreachable":
      return html`<${Message} icon="wifi-off" title=${t("unreachable.title")} text=${t("unreachable.text")}
        action=${t("common.retry")} onAction=${() => app.boot()} />`;
    case "nowhere":
      return html`<${Message} icon="route" title=${t("nowhere.title")} text=${t("nowhere.text")}
        action=${t("common.home")} onAction=${() => app.o.router.go("/")} />`;
    default:
      return html`<${Splash} />`;
  }
}

function Splash() {
  return html`<main id="main" class="splash"><p class="splash-text">${t("common.connecting")}</p></main>`;
}

/** A call that was accepted has no lobby. @param {PageProps} props */
function Joining(props) {
  return html`<${props.state.call?.kind === "link" ? Lobby : Splash} ...${props} />`;
}

/** @param {{app: App, code: string}} props */
function Ended({ app, code }) {
  const reload = () => (code === "version" ? location.reload() : app.resume());
  return html`<${Message} icon=${code === "version" ? "refresh" : "info"} title=${t(`ended.${code}.title`)}
    text=${t(`ended.${code}.text`)} action=${t(`ended.${code}.action`)} onAction=${reload} />`;
}

/**
 * A new page is announced by its heading, which takes the focus; the first one
 * leaves the focus where the browser put it.
 * @param {string} name @param {State} state
 */
function usePageChange(name, { config, call, missed }) {
  const last = useRef("");
  const site = config?.name ?? "Parley";
  const title = call ? callName(call) : "";
  useEffect(() => {
    const badge = missed.length ? `(${missed.length}) ` : "";
    document.title = badge + (title ? `${title} · ${site}` : site);
    const first = last.current === "" || last.current === "loading";
    const same = last.current === name;
    last.current = name;
    if (!first && !same) focusHeading();
  }, [name, site, title, missed.length]);
}

function focusHeading() {
  if (document.querySelector("[data-autofocus]")) return;
  /** @type {HTMLElement | null} */ (document.querySelector("h1"))?.focus();
}
