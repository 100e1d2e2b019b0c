import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Emitter } from "../static/js/net/emitter.js";
import { ProtocolError } from "../static/js/net/errors.js";
import { Call } from "../static/js/rtc/call.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { FakeConnection, settle, WELCOME } from "./fakes.js";

const person = (id, order) => ({ peer: id, user: `u_${id}`, name: id.toUpperCase(), guest: false, order, since: 0 });
const room = (...ids) => ({ room: "r", kind: "link", title: "", max: 6, locked: false, host: ids[0], order: 0, peers: ids.map(person) });

let call, session, media, asked, answers, ended;

/** The next answers to room.join, in order: a room or an error. */
function answer(t) {
  if (t !== "room.join") return { t: "ok" };
  const next = answers.shift() ?? room("p_b");
  if (next instanceof Error) throw next;
  return { t: "ok", room: next, mail: next.mail };
}

beforeEach(() => {
  FakeConnection.made = [];
  const [events, frames, device] = [new Emitter(), new Emitter(), new Emitter()];
  [asked, answers, ended] = [[], [], []];
  session = {
    welcome: WELCOME,
    on: (name, fn) => events.on(name, fn),
    onFrame: (type, fn) => frames.on(type, fn),
    request: async (t, fields) => {
      asked.push({ t, ...fields });
      return answer(t);
    },
    post() {},
    probe() {},
    emit: (name, value) => events.emit(name, value),
    frame: (frame) => frames.emit(frame.t, frame),
  };
  media = { on: (name, fn) => device.on(name, fn), tracks: noTracks(), shown: { mic: true, cam: false, screen: false, screenAudio: false } };
  call = new Call({ session, media, room: "r", RTCPeerConnection: FakeConnection });
  call.on("ended", (end) => ended.push(end.code));
});
afterEach(() => call.leave());

const ids = () => call.views.map((view) => view.id);
const types = () => asked.map(({ t }) => t);
const leave = (peer, reason) => session.frame({ t: "room.peer", room: "r", ev: "leave", peer: person(peer, 1), reason });

test("says what it has and links to everyone there", async () => {
  answers = [room("p_a", "p_b")];
  assert.equal((await call.join()).max, 6);
  assert.deepEqual(asked, [{ t: "room.join", room: "r", create: true, media: { audio: true, video: false } }]);
  assert.deepEqual(ids(), ["p_a"]);
});

test("a refusal is the caller's, and one may ask again", async () => {
  answers = [new ProtocolError("room_full", "Full."), room("p_a", "p_b")];
  await assert.rejects(call.join(), { code: "room_full", message: "Full." });
  await call.join();
  assert.deepEqual(ids(), ["p_a"]);
});

/** Joins as who expects somebody; gives what is done before the server answers. */
async function hurry(answer) {
  const { request } = session;
  let open;
  const gate = new Promise((done) => (open = done));
  session.request = (t, fields) => gate.then(() => request(t, fields));
  answers = [answer];
  call.o.hurry = true;
  const sent = [];
  session.post = (t, fields) => sent.push({ t, ...fields });
  const joined = call.join();
  await settle();
  return { sent, joined, open };
}

for (const [who, answer, to] of [["who has the smaller id", room("p_z", "p_a", "p_b"), ["p_a"]], ["who comes first", room("p_b"), ["*"]]]) {
  test(`in a hurry it looks for addresses while the server is asked, for ${who}`, async () => {
    const { sent, joined, open } = await hurry(answer);
    const [ahead] = FakeConnection.made;
    assert.deepEqual([ahead.config.iceCandidatePoolSize, ahead.localDescription, sent], [1, null, []]);
    open();
    await joined;
    await settle();
    assert.deepEqual([FakeConnection.made.length, ahead.closed], [answer.peers.length > 1 ? 2 : 1, false]);
    assert.deepEqual(sent.map(({ to, data }) => [to, data.description.sdp]), to.map((id) => [id, ahead.localDescription.sdp]));
  });
}

for (const [why, answer] of [["the others offer", () => room("p_z", "p_b")], ["an offer waits", () => ({ ...room("p_a", "p_b"), mail: 1 })], ["it is refused", () => new ProtocolError("room_full", "Full.")]]) {
  test(`what was made in a hurry is let go when ${why}`, async () => {
    const { sent, joined, open } = await hurry(answer());
    open();
    await joined.catch(() => {});
    await settle();
    assert.ok(FakeConnection.made[0].closed);
    assert.deepEqual(sent, []);
  });
}

test("what was made in a hurry is let go when the person goes before the answer", async () => {
  const { joined, open } = await hurry(room("p_a", "p_b"));
  call.leave();
  assert.ok(FakeConnection.made[0].closed);
  open();
  await assert.rejects(joined, { code: "closed" });
  assert.equal(FakeConnection.made.length, 1);
});

test("who hides the own address in a hurry has shown it to nobody", async () => {
  const { sent, joined, open } = await hurry(room("p_a", "p_b"));
  call.setRelayOnly(true);
  open();
  await joined;
  await settle();
  const [before, after] = FakeConnection.made;
  assert.deepEqual([before.closed, after.config.iceTransportPolicy], [true, "relay"]);
  assert.deepEqual(sent.map(({ data }) => data.description.type), ["offer"]);
});

test("what the server says right behind its answer is heard, however long the certificate takes", async () => {
  let made;
  class Slow extends FakeConnection {
    static generateCertificate = () => new Promise((done) => (made = done));
  }
  call = new Call({ session, media, room: "r", RTCPeerConnection: Slow });
  answers = [{ ...room("p_a", "p_b"), mail: 1 }];
  const joined = call.join();
  await settle();
  session.frame({ t: "signal", room: "r", from: "p_a", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  made("certificate");
  await joined;
  await settle();
  const [pc] = FakeConnection.made;
  assert.deepEqual([pc.remoteDescription.sdp, pc.config.certificates], ["o", ["certificate"]]);
});

test("a server restarted under the request is asked again", async () => {
  answers = [new ProtocolError("lost", ""), room("p_a", "p_b")];
  await call.join();
  assert.deepEqual(types(), ["room.join", "room.join"]);
});

test("forgotten by the server, it enters again and keeps its links; resumed, it does nothing", async () => {
  answers = [room("p_a", "p_b"), room("p_a", "p_b", "p_c")];
  await call.join();
  session.emit("welcome", { welcome: WELCOME, resumed: true, first: false });
  await settle();
  assert.deepEqual(types(), ["room.join"]);
  session.emit("welcome", { welcome: WELCOME, resumed: false, first: false });
  await settle();
  assert.deepEqual(ids(), ["p_a", "p_c"]);
  assert.equal(FakeConnection.made[0].closed, false);
  assert.equal(FakeConnection.made.length, 2);
});

for (const resumed of [true, false]) {
  test(`${resumed ? "after a break" : "with a new session"} the links search by the servers of the new welcome`, async () => {
    answers = [room("p_a", "p_b"), room("p_a", "p_b")];
    await call.join();
    const iceServers = [{ urls: "turn:new" }];
    session.emit("welcome", { welcome: { ...WELCOME, ice: { ...WELCOME.ice, iceServers } }, resumed, first: false });
    await settle();
    assert.deepEqual(FakeConnection.made.map(({ config }) => config.iceServers), [iceServers]);
  });
}

test("leaving while the server is asked leaves all the same", async () => {
  const joined = call.join();
  call.leave();
  await assert.rejects(joined, { code: "closed" });
  assert.deepEqual(types(), ["room.join", "room.leave"]);
  assert.deepEqual(FakeConnection.made, []);
});

test("leaving twice, or without having asked, tells nobody", async () => {
  answers = [new ProtocolError("room_full", "")];
  await assert.rejects(call.join());
  call.leave();
  call.leave();
  assert.deepEqual(types(), ["room.join"]);
  assert.deepEqual(ended, []);
});

test("kicked: over, once, and nothing of it lives on", async () => {
  answers = [room("p_a", "p_b")];
  await call.join();
  leave("p_a", "kicked");
  assert.deepEqual(ended, []);
  leave("p_b", "kicked");
  leave("p_b", "kicked");
  session.emit("welcome", { welcome: WELCOME, resumed: false, first: false });
  await settle();
  assert.deepEqual(ended, ["kicked"]);
  assert.deepEqual(types(), ["room.join"]);
  assert.ok(FakeConnection.made.every((connection) => connection.closed));
});

test("over when the session is, or when one is somebody else", async (t) => {
  await call.join();
  session.emit("ended", { code: "replaced", message: "" });
  assert.deepEqual(ended, ["replaced"]);
  const other = new Call({ session, media, room: "r", RTCPeerConnection: FakeConnection });
  t.after(() => other.leave());
  other.on("ended", (end) => ended.push(end.code));
  await other.join();
  session.welcome = { ...WELCOME, you: { ...WELCOME.you, peer: "p_x" } };
  session.emit("welcome", { welcome: session.welcome, resumed: false, first: false });
  assert.deepEqual(ended, ["replaced", "lost"]);
});
