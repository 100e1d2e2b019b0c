import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Emitter } from "../static/js/net/emitter.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { Mesh } from "../static/js/rtc/mesh.js";
import { FakeConnection, settle } from "./fakes.js";

const person = (id, order = 1) => ({ peer: id, user: `u_${id}`, name: id.toUpperCase(), guest: false, order, since: 0 });
const room = (...ids) => ({ room: "r", kind: "link", title: "", max: 6, locked: false, host: ids[0], order: 0, peers: ids.map(person) });
const ICE = { iceServers: [{ urls: "stun:first" }], iceTransportPolicy: "all" };
const HALF_HOUR_MS = 1_800_000;

let mesh, frames, posted, clock;

beforeEach((t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  frames = new Emitter();
  posted = [];
  clock = 0;
  FakeConnection.made = [];
  const session = {
    request: async () => ({}), probe() {}, onFrame: (type, fn) => frames.on(type, fn),
    post: (t, fields, reject) => posted.push({ ...fields, reject }),
  };
  mesh = new Mesh({
    session, self: "p_m", room: "r", ice: ICE, relayOnly: false, stored: true, tracks: noTracks, now: () => clock, RTCPeerConnection: FakeConnection,
    state: () => ({ mic: false, cam: false, screen: false, screenAudio: false }),
  });
});
afterEach(() => mesh.close("left"));

/** To whom what was said, in short. */
const sent = () => posted.map(({ to, data }) => [to, data?.description?.type ?? (data ? "address" : "nothing")]);
const event = (ev, id, reason) => frames.emit("room.peer", { t: "room.peer", room: "r", ev, peer: person(id), reason });

async function alone() {
  mesh.enter(room("p_m"));
  await settle();
  return FakeConnection.made.at(-1);
}

for (const id of ["p_a", "p_z"]) {
  test(`who is alone leaves an offer, and ${id} answers that one`, async () => {
    const pc = await alone();
    event("join", id);
    frames.emit("signal", { t: "signal", room: "r", from: id, data: { pc: "x", description: { type: "answer", sdp: "a" } } });
    await settle();
    assert.deepEqual(sent(), [["*", "offer"]]);
    assert.deepEqual([FakeConnection.made.length, pc.remoteDescription.type], [1, "answer"]);
  });
}

test("who does not know of mail and offers itself is answered by the smaller id", async () => {
  await alone();
  event("join", "p_z");
  frames.emit("signal", { t: "signal", room: "r", from: "p_z", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  await settle();
  assert.deepEqual(sent().at(-1), ["p_z", "answer"]);
  assert.deepEqual(FakeConnection.made.map(({ closed }) => closed), [true, false]);
});

test("an address that came too late for the mailbox is said to who took it", async () => {
  const pc = await alone();
  pc.find("candidate:1");
  pc.find(null);
  event("join", "p_z");
  for (const letter of posted.slice(1)) letter.reject({ code: "bad_message" });
  assert.deepEqual(sent().slice(1), [["*", "address"], ["*", "address"], ["p_z", "address"], ["p_z", "address"]]);
});

test("what was lost with the server is not said to who is there", async () => {
  await alone();
  event("join", "p_z");
  posted[0].reject({ code: "lost" });
  assert.deepEqual(sent(), [["*", "offer"]]);
});

test("a mailbox that takes no more is given up, and whoever comes is offered to", async () => {
  const pc = await alone();
  posted[0].reject({ code: "too_big" });
  event("join", "p_z");
  await settle();
  assert.ok(pc.closed);
  assert.deepEqual(sent().slice(1), [["*", "nothing"], ["p_z", "offer"]]);
});

test("alone again there is another offer, once the server knows", async () => {
  mesh.enter(room("p_m", "p_z"));
  event("leave", "p_z", "left");
  await settle();
  assert.deepEqual(sent(), [["*", "offer"]]);
});

test("none where somebody is there of whom the server tells in a moment", async () => {
  mesh.enter(room("p_m"), true);
  event("join", "p_a");
  await settle();
  assert.deepEqual(sent(), [["p_a", "offer"]]);
});

test("none where it is not wished", async () => {
  mesh.o.stored = false;
  mesh.hurry();
  mesh.enter(room("p_m"));
  await settle();
  assert.deepEqual([sent(), FakeConnection.made[0].closed], [[], true]);
});

for (const [why, act] of [
  ["fresh servers", () => frames.emit("ice", { t: "ice", ice: ICE })],
  ["another network", () => mesh.renew()],
  ["a hidden address", () => mesh.setRelayOnly(true)],
]) {
  test(`with ${why} the offer is taken back, and there is another`, async () => {
    const before = await alone();
    act();
    await settle();
    assert.deepEqual(sent(), [["*", "offer"], ["*", "nothing"], ["*", "offer"]]);
    assert.deepEqual(FakeConnection.made.map(({ closed }) => closed), [true, false]);
    assert.ok(before.closed);
  });
}

test("an offer that nobody takes goes, and whoever comes then is offered to at once", async (t) => {
  const pc = await alone();
  clock = HALF_HOUR_MS;
  t.mock.timers.tick(1_000);
  assert.ok(pc.closed);
  assert.deepEqual(sent().at(-1), ["*", "nothing"]);
  // By the ids it would be the other's part; but that one may have taken the old offer just before.
  event("join", "p_z");
  await settle();
  assert.deepEqual(sent().at(-1), ["p_z", "offer"]);
});

test("in a room that the server has made anew what was stored before counts for nobody", async () => {
  const before = await alone();
  mesh.o.answer = true;
  mesh.enter(room("p_a", "p_m"));
  frames.emit("signal", { t: "signal", room: "r", from: "p_a", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  await settle();
  assert.ok(before.closed);
  assert.deepEqual(sent(), [["*", "offer"], ["p_a", "answer"]]);
});
