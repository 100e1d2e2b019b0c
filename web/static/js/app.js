import { Board } from "./board.js";
import { Calling } from "./calling.js";
import { Calls } from "./calls.js";
import { Door } from "./door.js";
import { roomName, nextName } from "./names.js";
import { getConfig, login, logout } from "./net/api.js";
import { Session } from "./net/session.js";
import { People } from "./people.js";
import { savePrefs } from "./prefs.js";
import { inviteFrom, roomPath, userPath } from "./router.js";
import { explainRefusal } from "./rtc/explain.js";
import { say } from "./say.js";
import { Talk } from "./talk.js";

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
 * @property {(lang: string) => Promise<void>} speak   puts the page into another language
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
    this.talk = new Talk({ store, calls: this.calls, announce });
    const { session, calls } = this;
    const arrived = (/** @type {string} */ room) => this.#arrived(room);
    const open = (/** @type {boolean} */ video) => {
      if (video) this.#beSeen();
      void media.open({ mic: true, cam: video });
    };
    this.calling = new Calling({ store, session, calls, arrived, open, announce });
    this.board = new Board({ store, session, calls, arrived, open, announce });
    this.door = new Door({ store, session, calls, announce });
    this.people = new People(store, session);
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

  /** @param {string} [to]  the page to go on with */
  async signOut(to = "/") {
    this.calls.close();
    this.session.close();
    await logout().catch(() => {});
    this.#askToSignIn(null);
    this.o.router.go(to);
  }

  /** Makes up a room and goes to its lobby. @param {number} max */
  newRoom(max) {
    const room = roomName();
    this.calls.plan(room, { max });
    this.goToRoom(room);
  }

  /** The person is in a room, by a call or an offer; "" for none. @param {string} room */
  #arrived(room) {
    const { page } = this.o.store.state.route;
    // Ringing and waiting are no places to come back to.
    this.o.router.go(room ? roomPath(room) : "/", { replace: page === "room" || page === "user" });
  }

  /**
   * Calls someone, by name or from the list.
   * @param {string} name @param {boolean} video @param {string} [user]  the list's id for it
   */
  call(name, video, user) {
    this.o.router.go(userPath(name));
    void this.calling.start(user ? { user } : { name }, name, video);
  }

  /** Takes the call that rings at the other side back. */
  cancelCall() {
    this.o.router.go("/", { replace: true });
  }

  /** Calls of that user do not ring any more, or do again. @param {string} user @param {boolean} on */
  setMuted(user, on) {
    const others = this.o.store.state.prefs.muted.filter((one) => one !== user);
    this.setPrefs({ muted: on ? [...others, user] : others });
  }

  /** @param {import("./state.js").Text | null} toast */
  setToast(toast) {
    this.#set({ toast });
  }

  /** Takes the missed calls away, here and after a reload. */
  dismissMissed() {
    this.setPrefs({ missedSeen: Math.round(Date.now() / 1000) });
    this.#set({ missed: [] });
  }

  /** @param {"available" | "away" | "dnd"} status */
  setStatus(status) {
    this.setPrefs({ status });
    this.session.request("me", { status }).catch((error) => say(this.o, explainRefusal(error)));
  }

  /** @param {string} name @returns {Promise<import("./state.js").Text | null>} what is wrong with it */
  async rename(name) {
    const { you } = this.o.store.state;
    try {
      const answer = await this.session.request("me", { name });
      const now = this.o.store.state.you;
      if (now) this.#set({ you: { ...now, name: answer.name } });
      if (you?.guest) this.setPrefs({ name: answer.name });
      return null;
    } catch (error) {
      const problem = explainRefusal(/** @type {ProtocolError} */ (error));
      return { ...problem, values: { ...problem.values, name, next: nextName(name) } };
    }
  }

  /** @param {string} room */
  goToRoom(room) {
    this.o.router.go(roomPath(room));
  }

  /** The address bar changed. @param {import("./router.js").Route} route */
  routed(route) {
    this.#set({ route });
    const { you, outgoing, call } = this.o.store.state;
    if (outgoing && route.page === "user" && route.name === outgoing.name) return;
    if (route.page !== "room" || call?.room !== route.room) this.calling.drop();
    if (route.page === "room" && you) this.#enterRoom(route.room);
    else this.calls.close();
  }

  /** @param {string} room */
  #enterRoom(room) {
    const posting = this.calls.waited(room);
    if (posting) void this.board.post(posting);
    else this.calls.open(room);
  }

  /** @param {string} lang  of LANGUAGES */
  async setLanguage(lang) {
    await this.o.speak(lang);
    this.setPrefs({ lang }); // which draws everything anew
  }

  /** @param {Partial<import("./prefs.js").Prefs>} change */
  setPrefs(change) {
    const prefs = { ...this.o.store.state.prefs, ...change };
    savePrefs(prefs);
    this.#set({ prefs });
    if (change.relayOnly !== undefined) this.calls.setRelayOnly(change.relayOnly);
    if (change.codec !== undefined) this.calls.setCodec(change.codec);
    if (change.dataUse === undefined) return;
    this.calls.setDataUse(change.dataUse);
    if (change.dataUse === "audio") void this.setDevice("cam", false);
  }

  /** Turns a device on or off, and remembers it. @param {"mic" | "cam"} device @param {boolean} on */
  async setDevice(device, on) {
    if (device === "cam" && on) this.#beSeen();
    this.setPrefs(device === "mic" ? { micOn: on } : { camOn: on });
    await this.o.media.setOn(device, on);
  }

  /** Whoever wants to be seen has had enough of sound alone. */
  #beSeen() {
    if (this.o.store.state.prefs.dataUse === "audio") this.setPrefs({ dataUse: "low" });
  }

  /** Asks for what this person had on the last time; for both at the first. */
  async openDevices() {
    const { micOn, camOn } = this.o.store.state.prefs;
    const none = !micOn && !camOn;
    if (camOn || none) this.#beSeen();
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
    if (!resumed) this.#anew(welcome);
    const only = welcome.you.room;
    if (only && store.state.route.page === "home") return router.go(roomPath(only), { replace: true });
    if (known && known !== welcome.you.peer) this.calls.close();
    if (!store.state.call) this.routed(router.route);
  }

  /** A session of which the server knows nothing yet. @param {import("./net/types.js").Welcome} welcome */
  #anew({ missed = [] }) {
    const { status, missedSeen } = this.o.store.state.prefs;
    void this.people.watch();
    if (status !== "available") this.session.request("me", { status }).catch(() => {});
    this.calling.remember(missed, missedSeen);
    this.calling.restarted();
    void this.board.renew();
  }

  /** @param {{code: string, message: string, retryMs?: number}} end */
  #ended({ code, message, retryMs }) {
    if (code === "version" || code === "replaced" || code === "kicked") {
      this.calls.close();
      return this.#set({ boot: "ready", ended: code, rings: [], outgoing: null });
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
    this.#set({ boot: "ready", you: null, people: null, offers: null, rings: [], missed: [], outgoing: null, signIn });
  }
}
