import * as api from "./net/api.js";
import { Emitter } from "./net/emitter.js";
import { ProtocolError } from "./net/errors.js";
import { followPage } from "./net/page.js";
import { Session } from "./net/session.js";
import { tabKey } from "./net/tabkey.js";
import { Call } from "./rtc/call.js";
import { LocalMedia } from "./rtc/devices.js";

/**
 * Calls of a Parley server in a page of your own, on this or any other origin.
 * With `connect`, imported from `https://call.example.org/sdk/parley.js`:
 *
 *     const parley = await connect({ name: "Ann" });
 *     const room = await parley.join("kitchen");
 *     room.on("member", (member) => { … member.name, member.stream … });
 *     room.on("left", (member) => { … });
 *     parley.close();
 *
 * The server must list the page's origin in `http.allowed_origins`. A page of
 * another origin is known by its token alone; no cookie is set or sent. All
 * that fails is a ProtocolError: `code` for the program, `message` for a person.
 *
 * @typedef {import("./net/types.js").User} User
 * @typedef {import("./rtc/member.js").View} View
 *
 * @typedef {object} Server
 * @property {string} [server]   its address; without it the one this module came from
 *
 * @typedef {object} Credentials
 * @property {string} [name]      account, or any free name on an open server
 * @property {string} [password]
 * @property {string} [token]     instead: the token of a login, an invite, or a JWT that your application signed
 *
 * @typedef {object} JoinOptions
 * @property {boolean} [mic]         open the microphone; true when left out
 * @property {boolean} [cam]         open the camera; true when left out
 * @property {LocalMedia} [media]    your own, open already, as for a preview; it is then yours to stop
 * @property {number} [max]          people at most, if this call is what makes the room
 * @property {boolean} [relayOnly]   show nobody this person's address: all media through the relay
 *
 * @typedef {View & {stream: MediaStream}} Member
 *   Another person in the room. `stream` has the sound, and the picture while there is one; when its tracks
 *   change it is another object. `state.mic` and `state.cam` say what is on, `phase` how the connection does.
 *
 * @typedef {{code: string, message: string}} End   why it is over, in words
 *
 * @typedef {object} ParleyEvents
 * @property {import("./net/session.js").State} state   "online", "waiting" (calls go on meanwhile), …
 * @property {End} ended     the server has ended it; connect anew
 *
 * @typedef {object} RoomEvents
 * @property {Member} member        somebody is here, or anything about somebody changed; about once a second
 * @property {Member} left
 * @property {MediaStream} local    what this person sends: another stream than before
 * @property {End} ended            not by leave()
 */

/** The server that this module came from. */
const HERE = new URL(import.meta.url).origin;

/** Failed sockets in a row after which connect() gives up, though the server's pages come. */
const PATIENT_TRIES = 4;

/** What an end without a sentence of the server means. @type {Record<string, string>} */
const ENDS = {
  replaced: "This call goes on in another tab.",
  kicked: "You were removed.",
  logged_out: "You have been signed out.",
  unauthorized: "You are not signed in, or your sign-in has run out.",
  version: "The server speaks another version than this page. Reload the page.",
};

/** @param {{code: string, message: string}} end */
const inWords = ({ code, message }) => ({ code, message: message || ENDS[code] || "The connection has ended." });

/** @param {string} [server] @returns {string} its origin */
function originOf(server = HERE) {
  try {
    return new URL(server).origin;
  } catch {
    throw new ProtocolError("bad_message", `"${server}" is no address of a server: write https://host`);
  }
}

/**
 * Signs in and gives a token that connect() takes until `expiresAt`, also
 * after a reload. Keep it as safe as a password, and end it with logout().
 * @param {Server & Credentials} credentials
 * @returns {Promise<import("./net/api.js").Login>}
 */
export async function login({ server, ...credentials }) {
  return api.login(credentials, { server: originOf(server) });
}

/**
 * Ends a login; its calls end with it.
 * @param {Server & {token: string}} login
 * @returns {Promise<void>}
 */
export async function logout({ server, token }) {
  await api.logout({ server: originOf(server), token });
}

/**
 * Signs in where no token is given, and connects. A login made here ends with
 * close() and with the page; the token that you gave is left as it is.
 * @param {Server & Credentials & {lang?: string}} who
 * @returns {Promise<Parley>}
 */
export async function connect({ server, lang, ...credentials }) {
  const origin = originOf(server);
  const made = credentials.token ? null : await api.login(credentials, { server: origin });
  const token = made?.token ?? credentials.token ?? "";
  const session = new Session({ url: `${origin.replace("http", "ws")}/ws`, key: await tabKey(origin), lang, token });
  const parley = new Parley(session, origin, token, made !== null);
  try {
    await online(session, origin);
    return parley;
  } catch (error) {
    parley.close();
    throw error;
  }
}

/** @param {Session} session @param {string} server @returns {Promise<void>} when it is first online */
function online(session, server) {
  return new Promise((done, fail) => {
    /** @param {{code: string, message: string}} end */
    const refused = (end) => fail(new ProtocolError(end.code, inWords(end).message));
    const off = [session.on("welcome", () => done()), session.on("ended", refused), session.on("state", (state) => {
      if (state !== "waiting") return;
      // A socket does not say why it failed; a request can find out.
      api.getConfig({ server }).catch(fail);
      if (session.tries >= PATIENT_TRIES) refused({ code: "unreachable", message: `${server} takes no connection.` });
    })];
    const quiet = () => off.forEach((end) => end());
    session.on("welcome", quiet);
    session.on("ended", quiet);
    session.start();
  });
}

/** A connection to a server, and who one is there. It mends itself after a lost network or a restart of the server. */
export class Parley {
  /** @type {Emitter<ParleyEvents>} */
  #events = new Emitter();
  /** @type {Set<Room>} */
  #rooms = new Set();
  #closed = false;
  #unfollow;
  #ends;

  /** Made by connect(). @param {Session} session @param {string} server @param {string} token @param {boolean} ends */
  constructor(session, server, token, ends) {
    /** The protocol itself, for what this library has no word for. */
    this.session = session;
    this.server = server;
    this.token = token;
    this.#ends = ends;
    this.#unfollow = followPage(session, () => this.close());
    session.on("state", (state) => this.#events.emit("state", state));
    session.on("ended", (end) => this.#events.emit("ended", inWords(end)));
  }

  /** @returns {User} who this is */
  get user() {
    if (!this.session.welcome) throw new ProtocolError("closed", "There has been no connection yet.");
    return this.session.welcome.you;
  }

  /**
   * @template {keyof ParleyEvents} K
   * @param {K} name @param {(value: ParleyEvents[K]) => void} fn
   * @returns {() => void} ends the listening
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /**
   * Opens the devices, asking the person, and enters a room, made if there is
   * none of that name. A device that does not open is no failure: see
   * `room.media.state.cam.error`.
   * @param {string} name @param {JoinOptions} [options]
   * @returns {Promise<Room>}
   */
  async join(name, { mic = true, cam = true, media, ...options } = {}) {
    const own = media ?? new LocalMedia();
    if (!media) await own.open({ mic, cam });
    /** @type {Room} */
    const room = new Room(new Call({ session: this.session, media: own, room: name, ...options }), own, () => {
      if (!media) own.stop();
      this.#rooms.delete(room);
    });
    this.#rooms.add(room);
    try {
      await room.call.join();
      return room;
    } catch (error) {
      room.leave();
      throw error;
    }
  }

  /** Leaves every room and the server. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#unfollow();
    for (const room of this.#rooms) room.leave();
    this.session.close();
    // The name is free at once; if the request is lost, it is a little later.
    if (this.#ends) api.logout({ server: this.server, token: this.token }).catch(() => {});
  }
}

/** A stay in one room. */
export class Room {
  /** @type {Emitter<RoomEvents>} */
  #events = new Emitter();
  /** @type {Map<string, MediaStream>} by id of the member */
  #streams = new Map();
  #over;

  /** Made by join(). @param {Call} call @param {LocalMedia} media @param {() => void} over */
  constructor(call, media, over) {
    this.call = call;
    /** This person's devices: switch, choose, list. */
    this.media = media;
    this.#over = over;
    /** What this person sends, to be shown muted. */
    this.stream = new MediaStream(present(media.tracks));
    media.on("track", () => {
      this.stream = renew(this.stream, present(media.tracks));
      this.#events.emit("local", this.stream);
    });
    call.on("joined", (view) => this.#events.emit("member", this.#member(view)));
    call.on("change", () => this.members.forEach((member) => this.#events.emit("member", member)));
    call.on("left", ({ view }) => {
      this.#events.emit("left", this.#member(view));
      this.#streams.delete(view.id);
    });
    call.on("ended", (end) => {
      this.#over();
      this.#events.emit("ended", inWords(end));
    });
  }

  get name() {
    return this.call.o.room;
  }

  /** @returns {Member[]} the others; those who were here first come first */
  get members() {
    return this.call.views.map((view) => this.#member(view));
  }

  /**
   * @template {keyof RoomEvents} K
   * @param {K} name @param {(value: RoomEvents[K]) => void} fn
   * @returns {() => void} ends the listening
   */
  on(name, fn) {
    // Those who were here first are told of too, however late one listens.
    if (name === "member") queueMicrotask(() => this.members.forEach((member) => fn(/** @type {any} */ (member))));
    return this.#events.on(name, fn);
  }

  /** @param {boolean} on */
  setMic(on) {
    return this.media.setOn("mic", on);
  }

  /** @param {boolean} on  off, its light goes out */
  setCam(on) {
    return this.media.setOn("cam", on);
  }

  /** Hangs up. */
  leave() {
    this.call.leave();
    this.#over();
  }

  /** @param {View} view @returns {Member} */
  #member(view) {
    const { mic, cam } = view.tracks;
    const stream = renew(this.#streams.get(view.id), present({ mic, cam: view.state.cam ? cam : null }));
    this.#streams.set(view.id, stream);
    return { ...view, stream };
  }
}

/** @param {Record<string, MediaStreamTrack | null>} tracks */
const present = (tracks) => Object.values(tracks).filter((track) => track !== null);

/**
 * Another object when the tracks are others, since not every browser follows
 * a stream whose tracks come and go.
 * @param {MediaStream | undefined} old @param {MediaStreamTrack[]} tracks
 */
function renew(old, tracks) {
  const had = old?.getTracks() ?? [];
  const same = old && had.length === tracks.length && tracks.every((track) => had.includes(track));
  return same ? old : new MediaStream(tracks);
}

export { LocalMedia, ProtocolError, Session };
export { SUBPROTOCOL } from "./net/session.js";
export { Mesh } from "./rtc/mesh.js";
export { Peer } from "./rtc/peer.js";
export { LAYOUT, noTracks } from "./rtc/layout.js";
export { explainDevice, explainRefusal } from "./rtc/explain.js";
export { explainPath } from "./rtc/explaincall.js";
export { meter } from "./rtc/level.js";
export { pathOf } from "./rtc/stats.js";
