import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Emitter } from "../static/js/net/emitter.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { Mesh } from "../static/js/rtc/mesh.js";
import { FakeConnection, settle } from "./fakes.js";

const person = (id, order) => ({ peer: id, user: `u_${id}`, name: id.toUpperCase(), guest: false, order, since: 0 });
const room = (...ids) => ({ room: "r", kind: "link", title: "", max: 6, locked: false, host: ids[0], order: 0, peers: ids.map(person) });

let mesh, session, frames, sent, left;

beforeEach(() => {
  frames = new Emitter();
  sent = [];
  left = [];
  session = {
    request: async (t) => (t === "ice.get" ? { ice: { iceServers: [{ urls: "stun:fresh" }], iceTransportPolicy: "all" } } : {}),
    post: (t, fields) => sent.push({ t, ...fields }),
    onFrame: (type, fn) => frames.on(type, fn),
    probe() {},
  };
  FakeConnection.made = [];
  mesh = new Mesh({
    session, self: "p_m", room: "r", ice: { iceServers: [{ urls: "stun:first" }], iceTransportPolicy: "all" }, relayOnly: false,
    tracks: noTracks, state: () => ({ mic: false, cam: false, screen: false, screenAudio: false }),
    RTCPeerConnection: FakeConnection, now: () => 0,
  });
  mesh.on("left", ({ view, reason }) => left.push([view.id, reason]));
});
afterEach(() => mesh.close("left"));

const event = (ev, peer, more = {}) => frames.emit("room.peer", { t: "room.peer", room: "r", ev, peer, ...more });
const ids = () => mesh.views.map((view) => view.id);

test("everybody but oneself gets a link; smaller ids are offered to", async () => {
  mesh.enter(room("p_m", "p_a", "p_z"));
  await settle();
  assert.deepEqual(ids(), ["p_a", "p_z"]);
  assert.deepEqual(sent.map((s) => [s.t, s.to, s.data.description.type]), [["signal", "p_a", "offer"]]);
});

test("a signal goes to the link of its sender, in this room only", async () => {
  mesh.enter(room("p_m", "p_z"));
  frames.emit("signal", { room: "other", from: "p_z", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  frames.emit("signal", { room: "r", from: "p_stranger", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  await settle();
  assert.deepEqual(sent, []);
  frames.emit("signal", { room: "r", from: "p_z", data: { pc: "x", description: { type: "offer", sdp: "o" } } });
  await settle();
  assert.equal(sent[0].data.description.type, "answer");
});

test("who leaves is gone at once and the connection closed", () => {
  mesh.enter(room("p_m", "p_a"));
  event("leave", person("p_a", 1), { reason: "left" });
  assert.deepEqual(ids(), []);
  assert.deepEqual(left, [["p_a", "left"]]);
  assert.ok(FakeConnection.made[0].closed);
});

test("hanging up over the control channel is enough", () => {
  mesh.enter(room("p_m", "p_a"));
  FakeConnection.made[0].channels.ctl.onmessage({ data: `{"t":"bye","reason":"left"}` });
  assert.deepEqual(ids(), []);
});

/** The browser says that the link to p_a stands. */
function connected(i = 0) {
  const pc = FakeConnection.made[i];
  pc.connectionState = "connected";
  pc.onconnectionstatechange();
}

test("a dropped socket of the other side does not touch the link", () => {
  mesh.enter(room("p_m", "p_a"));
  connected();
  event("away", person("p_a", 1));
  assert.equal(mesh.views[0].away, true);
  event("leave", person("p_a", 1), { reason: "timeout" });
  assert.deepEqual(ids(), ["p_a"]);
  event("join", person("p_a", 3));
  assert.equal(mesh.views[0].away, false);
  assert.equal(FakeConnection.made.length, 1);
});

test("after a restart of the server links go on, also to those who are not back yet", () => {
  mesh.enter(room("p_m", "p_a", "p_b"));
  connected(0);
  connected(1);
  mesh.enter(room("p_m", "p_a"));
  assert.deepEqual(ids(), ["p_a", "p_b"]);
  assert.equal(FakeConnection.made.length, 2);
  assert.ok(FakeConnection.made.every((pc) => !pc.closed));
});

test("a link that is being repaired survives a restart of the server; one that never stood does not", () => {
  mesh.enter(room("p_m", "p_a", "p_b"));
  connected(0);
  const pc = FakeConnection.made[0];
  pc.connectionState = "failed";
  pc.onconnectionstatechange();
  assert.equal(mesh.views[0].phase, "reconnecting");
  mesh.enter(room("p_m"));
  assert.deepEqual(ids(), ["p_a"]);
  assert.deepEqual(left, [["p_b", "timeout"]]);
});

test("someone who joins anew under the same id gets a new link", () => {
  mesh.enter(room("p_m", "p_a"));
  event("join", person("p_a", 2));
  assert.equal(FakeConnection.made.length, 2);
  assert.ok(FakeConnection.made[0].closed);
});

test("fresh servers reach every link without a restart", () => {
  mesh.enter(room("p_m", "p_a", "p_z"));
  frames.emit("ice", { ice: { iceServers: [{ urls: "turn:new" }], iceTransportPolicy: "all" } });
  for (const pc of FakeConnection.made) {
    assert.deepEqual(pc.config.iceServers, [{ urls: "turn:new" }]);
    assert.equal(pc.restarts, 0);
  }
});

test("hiding the address leaves the direct way for a new connection, showing it again looks for one", () => {
  mesh.enter(room("p_m", "p_a"));
  mesh.setRelayOnly(true);
  assert.ok(FakeConnection.made[0].closed);
  assert.equal(FakeConnection.made[1].config.iceTransportPolicy, "relay");
  mesh.setRelayOnly(true);
  assert.equal(FakeConnection.made.length, 2);
  mesh.setRelayOnly(false);
  assert.equal(FakeConnection.made[1].config.iceTransportPolicy, "all");
  assert.equal(FakeConnection.made[1].restarts, 1);
  assert.equal(FakeConnection.made.length, 2);
});

test("the more people, the less video to each; it grows again when someone leaves", async () => {
  const ceilings = () => FakeConnection.made.filter((pc) => !pc.closed).map((pc) => pc.transceivers[1].sender.encodings[0].maxBitrate);
  mesh.enter(room("p_m", "p_a", "p_b", "p_c"));
  for (const i of [0, 1, 2]) connected(i);
  await settle();
  assert.deepEqual(ceilings(), [500_000, 500_000, 500_000]);
  event("leave", person("p_c", 3), { reason: "left" });
  event("leave", person("p_b", 2), { reason: "left" });
  await settle();
  assert.deepEqual(ceilings(), [1_700_000]);
});

test("a connection that takes no track any more keeps the others from nothing", async () => {
  const errors = [];
  mesh.on("error", ({ name }) => errors.push(name));
  mesh.enter(room("p_m", "p_a", "p_b"));
  for (const i of [0, 1]) connected(i);
  await settle();
  const [first, second] = FakeConnection.made.map((pc) => pc.transceivers[1].sender);
  first.replaceTrack = async () => {
    throw new DOMException("", "InvalidStateError");
  };
  const cam = { kind: "video", getSettings: () => ({ height: 720 }) };
  mesh.o.tracks = () => ({ ...noTracks(), cam });
  const before = second.encodings[0].scaleResolutionDownBy;
  await mesh.trackChanged("cam");
  await settle();
  assert.deepEqual([errors, second.track], [["InvalidStateError"], cam]);
  assert.notEqual(second.encodings[0].scaleResolutionDownBy, before);
});

test("what a member wants to see is what is sent to that member alone", async () => {
  const cams = () => FakeConnection.made.map((pc) => pc.transceivers[1].sender.encodings[0]);
  mesh.enter(room("p_m", "p_a", "p_b"));
  for (const i of [0, 1]) connected(i);
  FakeConnection.made[0].channels.ctl.onmessage({ data: `{"t":"want","cam":{"h":0},"screen":{"h":720}}` });
  await settle();
  assert.deepEqual(cams().map(({ active }) => active), [false, true]);
  FakeConnection.made[0].channels.ctl.onmessage({ data: `{"t":"want","cam":{"h":180}}` });
  await settle();
  assert.deepEqual(cams().map(({ active, maxBitrate }) => [active, maxBitrate]), [[true, 120_000], [true, 1_680_000]]);
});

test("a person's own try makes a new connection, and one that was lost is tried when the network changes", () => {
  mesh.enter(room("p_m", "p_a"));
  connected(0);
  mesh.wake();
  assert.equal(FakeConnection.made.length, 1);
  mesh.retry("p_a");
  assert.equal(FakeConnection.made.length, 2);
  assert.ok(FakeConnection.made[0].closed);
  assert.equal(mesh.views[0].phase, "reconnecting");
});

test("after close nothing is listened to and everything is closed", () => {
  mesh.enter(room("p_m", "p_a"));
  mesh.close("left");
  event("join", person("p_b", 2));
  assert.equal(FakeConnection.made.length, 1);
  assert.ok(FakeConnection.made[0].closed);
});
