import { Board } from "../static/js/board.js";
import { Calling } from "../static/js/calling.js";
import { Calls } from "../static/js/calls.js";
import { Door } from "../static/js/door.js";
import { NOTHING } from "../static/js/initial.js";
import { Emitter } from "../static/js/net/emitter.js";
import { Session } from "../static/js/net/session.js";
import "../static/js/rtc/call.js"; // loaded when needed in a page; here it is there at once
import { noTracks } from "../static/js/rtc/layout.js";
import { Store } from "../static/js/store.js";
import { FakeConnection, FakeSocket, WELCOME } from "./fakes.js";

export const KEY = "0123456789abcdef0123456789abcdef";
export const ANN = { peer: "p_b", user: "g_1", name: "Ann", guest: true, order: 1, since: 0 };
export const BOB = { peer: "p_a", user: "g_2", name: "Bob", guest: true, order: 2, since: 0 };
export const CARA = { peer: "p_c", user: "g_3", name: "Cara", guest: true, order: 3, since: 0 };

const PREFS = { micOn: true, camOn: true, relayOnly: false, callWaiting: "ring", muted: [] };

/** Lets imports and all promises that can settle do so. */
export async function turn() {
  for (let i = 0; i < 4; i++) await new Promise((done) => setTimeout(done, 1));
}

/** Everything between a page and the server but the page: the socket's other end is the test's. */
export async function start() {
  globalThis.RTCPeerConnection = FakeConnection;
  FakeConnection.made = [];
  FakeSocket.reset();
  const device = new Emitter();
  const media = {
    on: (name, fn) => device.on(name, fn), tracks: noTracks(), shown: { mic: true, cam: false, screen: false, screenAudio: false },
    granted: async () => false, refreshLists: async () => {}, open: async () => {}, stop() {},
  };
  const store = new Store({ ...NOTHING, prefs: PREFS, you: { ...WELCOME.you }, ice: WELCOME.ice });
  const session = new Session({ url: "ws://h/ws", key: KEY, WebSocket: FakeSocket });
  const said = [];
  const went = [];
  const announce = (text) => said.push(text.key);
  const calls = new Calls({ store, session, media, announce });
  const options = { store, session, calls, announce, arrived: (room) => went.push(room), open() {} };
  const all = { store, session, calls, said, went, calling: new Calling(options), board: new Board(options), door: new Door(options) };
  session.start();
  all.socket = FakeSocket.latest.accept().say({ ...WELCOME, limits: { ...WELCOME.limits, offer_ttl_ms: 600_000 } });
  all.n = 0;
  /** An event of the server. */
  all.say = async (t, fields) => {
    FakeSocket.latest.say({ t, n: ++all.n, ...fields });
    await turn();
  };
  /** The server's answer to the newest request of a type. */
  all.answer = async (t, fields = {}) => {
    await turn();
    const { id } = FakeSocket.latest.of(t).at(-1);
    await all.say(fields.code ? "error" : "ok", { re: id, ...fields });
  };
  all.sent = (t) => FakeSocket.latest.of(t).map(({ id, ack, ...fields }) => fields);
  all.stop = () => {
    calls.close();
    session.close();
  };
  return all;
}

/** A room of a kind as the server tells of it. */
export const room = (name, kind, ...peers) => ({ room: name, kind, title: "", max: 6, locked: kind !== "link", pass: false, host: peers[0]?.peer ?? "", order: 1, peers });
