import { Calls } from "./calls.js";
import { roomName, nextName } from "./names.js";
import { getConfig, login, logout } from "./net/api.js";
import { Session } from "./net/session.js";
import { People } from "./people.js";
import { savePrefs } from "./prefs.js";
import { inviteFrom, roomPath } from "./router.js";
import { explainRefusal } from "./rtc/explain.js";

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./net/errors.js").ProtocolError} ProtocolError
 *
 * @typedef {object} AppOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./router.js").Router} router
 * @property {import("./rtc/devices.js").LocalMedia} media
 * @property {string} key     the tab's secret
 * @property {string} build   of this client
 * @property {string} lang
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** Where signaling lives, seen from this page. */
const socketUrl = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;

/** Failed connections in a row before the first page says that something is wrong. */
const PATIENT_TRIES = 3;

/** What a person can do, and what the server says: the store is its only output. */
export class App {
  /** @param {AppOptions} options */
  constructor(options) {
    this.o = options;
    const { store, media, key, build, lang, announce } = options;
    this.session = new Session({ url: socketUrl(), key, build, lang });
    this.calls = new Calls({ store, session: this.session, media, announce });
    this.people = new People(store, this.session);
    this.session.on("state", (net) => this.#connection(net));
    this.session.on("welcome", (event) => this.#welcome(event));
    this.session.on("ended", (end) => this.#ended(end));
    this.session.onFrame("ice", ({ ice }) => store.set({ ice }));
  }

  /** @param {Partial<State>} change */
  #set(change) {
    this.o.store.set(change);
  }

  /** Starts: reads what the server is, uses an invite if there is one, connects. */
  async boot() {
    const invite = inviteFrom(location.hash);
    // Removed before anything else can see or keep it.
    if (invite) history.replaceState(null, "", location.pathname + location.search);
    this.#set({ boot: "loading" });
    try {
      this.#set({ config: await getConfig() });
    } catch {
      return this.#set({ boot: "unreachable" });
    }
    if (invite) await this.signIn({ token: invite });
    else {
      this.session.start();
      this.session.wake();
    }
  }

  /** @param {import("./net/session.js").State} net */
  #connection(net) {
    this.#set({ net });
    // Pages come but the socket does not, again and again: say so, and go on trying.
    const stuck = net === "waiting" && this.session.tries >= PATIENT_TRIES && this.o.store.state.boot === "loading";
    if (stuck) this.#set({ boot: "unreachable" });
  }

  /** @param {import("./net/api.js").Credentials} credentials */
  async signIn(credentials) {
    const { name = this.o.store.state.prefs.name } = credentials;
    this.#set({ signIn: { busy: true, problem: null, code: "", name } });
    try {
      const { user } = await login(credentials);
      if (user.guest) this.setPrefs({ name: user.name });
      this.session.close();
      this.session.start();
    } catch (error) {
      this.#askToSignIn(/** @type {ProtocolError} */ (error), name);
    }
  }

  async signOut() {
    this.calls.close();
    this.session.close();
    await logout().catch(() => {});
    this.#askToSignIn(null);
    this.o.router.go("/");
  }

  /** Makes up a room and goes to its lobby. @param {number} max */
  newRoom(max) {
    const room = roomName();
    this.calls.plan(room, max);
    this.goToRoom(room);
  }

  /** @param {string} room */
  goToRoom(room) {
    this.o.router.go(roomPath(room));
  }

  /** The address bar changed. @param {import("./router.js").Route} route */
  routed(route) {
    this.#set({ route });
    if (route.page === "room" && this.o.store.state.you) this.calls.open(route.room);
    else this.calls.close();
  }

  /** @param {Partial<import("./prefs.js").Prefs>} change */
  setPrefs(change) {
    const prefs = { ...this.o.store.state.prefs, ...change };
    savePrefs(prefs);
    this.#set({ prefs });
    if (change.relayOnly !== undefined) this.calls.setRelayOnly(change.relayOnly);
  }

  /** Turns a device on or off, and remembers it. @param {"mic" | "cam"} device @param {boolean} on */
  async setDevice(device, on) {
    this.setPrefs(device === "mic" ? { micOn: on } : { camOn: on });
    await this.o.media.setOn(device, on);
  }

  /** Asks for what this person had on the last time; for both at the first. */
  async openDevices() {
    const { micOn, camOn } = this.o.store.state.prefs;
    const none = !micOn && !camOn;
    await this.o.media.open({ mic: micOn || none, cam: camOn || none });
  }

  /** @param {"mic" | "cam" | "speaker"} device @param {string} id */
  async chooseDevice(device, id) {
    this.setPrefs({ [device]: id });
    if (device !== "speaker") await this.o.media.choose(device, id);
  }

  /** Takes the session back to this tab. */
  resume() {
    this.#set({ ended: "" });
    this.session.start();
  }

  /** @param {{welcome: import("./net/types.js").Welcome, resumed: boolean}} event */
  #welcome({ welcome, resumed }) {
    const { store, router, build } = this.o;
    const known = store.state.you?.peer;
    this.#set({ boot: "ready", signIn: null, ended: "", you: welcome.you, ice: welcome.ice, update: welcome.build !== build });
    if (!resumed) void this.people.watch();
    const only = welcome.you.room;
    if (only && store.state.route.page === "home") return router.go(roomPath(only), { replace: true });
    if (known && known !== welcome.you.peer) this.calls.close();
    this.routed(router.route);
  }

  /** @param {{code: string, message: string, retryMs?: number}} end */
  #ended({ code, message, retryMs }) {
    if (code === "version" || code === "replaced" || code === "kicked") {
      this.calls.close();
      return this.#set({ boot: "ready", ended: code });
    }
    const asked = this.o.store.state.you !== null || code !== "unauthorized";
    this.#askToSignIn(asked ? { code, message, retryMs } : null);
  }

  /** @param {Pick<ProtocolError, "code" | "message" | "retryMs"> | null} error @param {string} [name] */
  #askToSignIn(error, name = this.o.store.state.you?.name ?? this.o.store.state.prefs.name) {
    this.calls.close();
    const taken = error?.code === "name_taken";
    const problem = error ? explainRefusal(error) : null;
    if (problem && taken) problem.values = { ...problem.values, name, next: nextName(name) };
    const signIn = { busy: false, problem, code: error?.code ?? "", name: taken ? nextName(name) : name };
    this.#set({ boot: "ready", you: null, people: null, signIn });
  }
}
