import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Peer } from "../static/js/rtc/peer.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { FakeConnection, openChannels, settle } from "./fakes.js";

let clock;
beforeEach(() => {
  clock = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => mock.timers.reset());

/** One side; what it sends is kept in `sent` and goes to `to` when that is set. */
function side(self, other, tracks = noTracks(), initiator = undefined) {
  const out = { sent: [], to: null };
  out.peer = new Peer({
    self, id: other, initiator, config: () => ({ iceServers: [], iceTransportPolicy: "all" }), tracks: () => tracks,
    state: () => ({ mic: true, cam: false, screen: false, screenAudio: false }),
    send: (data) => {
      out.sent.push(data);
      out.to?.peer.signal(JSON.parse(JSON.stringify(data)));
    },
    RTCPeerConnection: FakeConnection, now: () => clock,
  });
  out.errors = [];
  out.peer.on("error", (error) => out.errors.push(error));
  return out;
}

/** Two sides that hear each other. */
function pair() {
  const b = side("p_b", "p_a", { ...noTracks(), mic: { kind: "audio", id: "b-mic" } });
  const a = side("p_a", "p_b", { ...noTracks(), cam: { kind: "video", id: "a-cam" } });
  b.to = a;
  a.to = b;
  return { a, b };
}

const kinds = (side) => side.sent.map((d) => d.description?.type ?? d.need ?? (d.candidates ? "candidates" : "end"));

test("the greater id offers once, the other answers once, and both have four slots", async () => {
  const { a, b } = pair();
  await settle();
  assert.deepEqual(kinds(b), ["offer"]);
  assert.deepEqual(kinds(a), ["answer"]);
  for (const side of [a, b]) {
    const { pc } = side.peer;
    assert.equal(pc.signalingState, "stable");
    assert.deepEqual(pc.transceivers.map((t) => t.direction), Array(4).fill("sendrecv"));
    assert.deepEqual(Object.values(side.peer.tracks).map((t) => t.kind), ["audio", "video", "video", "audio"]);
    assert.deepEqual(side.errors, []);
  }
  assert.equal(b.peer.pc.transceivers[0].sender.track.id, "b-mic");
  assert.equal(a.peer.pc.transceivers[1].sender.track.id, "a-cam");
});

test("a track is put in its slot without a new offer", async () => {
  const { b } = pair();
  await settle();
  await b.peer.replaceTrack("screen", { kind: "video", id: "s" });
  await settle();
  assert.equal(b.peer.pc.transceivers[2].sender.track.id, "s");
  assert.deepEqual(kinds(b), ["offer"]);
});

test("both restart ICE at once: the polite side gives way and both end stable", async () => {
  const { a, b } = pair();
  await settle();
  a.peer.restartIce();
  b.peer.restartIce();
  await settle();
  await settle();
  assert.equal(a.peer.pc.signalingState, "stable");
  assert.equal(b.peer.pc.signalingState, "stable");
  assert.deepEqual([...a.errors, ...b.errors], []);
});

test("candidates that come before their description are kept and added after it, in order", async () => {
  const a = side("p_a", "p_b");
  a.peer.signal({ pc: "x", candidates: [{ candidate: "one" }, { candidate: "two" }] });
  a.peer.signal({ pc: "x", candidate: null });
  await settle();
  assert.deepEqual(a.peer.pc.added, []);
  a.peer.signal({ pc: "x", description: { type: "offer", sdp: "o" } });
  await settle();
  assert.deepEqual(a.peer.pc.added, [{ candidate: "one" }, { candidate: "two" }, null]);
  assert.deepEqual(a.errors, []);
});

test("a candidate after a pause goes at once; those of the next 20 ms travel together, before the end mark", async () => {
  const b = side("p_b", "p_a");
  await settle();
  const { pc } = b.peer;
  const said = () => b.sent.slice(1).map((d) => d.candidates?.map((c) => c.candidate) ?? d.candidate);
  pc.find("one");
  assert.deepEqual(said(), [["one"]]);
  pc.find("two");
  pc.find("three");
  mock.timers.tick(20);
  pc.find("four");
  mock.timers.tick(20);
  mock.timers.tick(20);
  pc.find("five");
  pc.find("six");
  pc.find(null);
  assert.deepEqual(said(), [["one"], ["two", "three"], ["four"], ["five"], ["six"], null]);
});

test("made before it is known for whom, it says nothing, and then all at once", async () => {
  const b = side("p_b", "");
  await settle();
  b.peer.pc.find("one");
  assert.deepEqual(b.sent, []);
  b.peer.adopt("p_a");
  await settle();
  assert.deepEqual(kinds(b), ["offer"]);
  // Known before its description is made, it says that once as well.
  const early = side("p_b", "");
  early.peer.adopt("p_a");
  await settle();
  assert.deepEqual(kinds(early), ["offer"]);
});

test("both begin: the offer of the greater id counts, and the other answers it from a new connection", async () => {
  const b = side("p_b", "p_a", noTracks(), true);
  const a = side("p_a", "p_b", noTracks(), true);
  await settle();
  a.peer.pc.find("of the offer that does not count");
  const said = { a: a.sent.splice(0), b: b.sent.splice(0) };
  [a.to, b.to] = [b, a];
  for (const data of said.a) b.peer.signal(data);
  for (const data of said.b) a.peer.signal(data);
  await settle();
  b.peer.pc.find("of the offer that counts");
  await settle();
  assert.deepEqual([kinds(a), kinds(b)], [["answer"], ["candidates"]]);
  for (const { peer, errors } of [a, b]) {
    assert.equal(peer.pc.signalingState, "stable");
    assert.deepEqual(errors, []);
  }
  assert.deepEqual([a, b].map(({ peer }) => peer.pc.added), [[{ candidate: "of the offer that counts" }], []]);

  // Whoever starts over later does so by the ids: one offers, the other answers.
  for (const { peer } of [a, b]) {
    a.sent.length = b.sent.length = 0;
    peer.rebuild({ tell: true });
    await settle();
    assert.deepEqual(kinds(b), ["offer"]);
    assert.equal(kinds(a).at(-1), "answer");
    assert.ok(a.sent.length <= 2);
  }
});

for (const [waiter, comer] of [["p_a", "p_b"], ["p_b", "p_a"]]) {
  test(`${waiter} alone replaces its stored offer just when ${comer} has taken it: the new one is answered, once`, async () => {
    const stored = side(waiter, comer, noTracks(), true);
    await settle();
    const b = side(comer, waiter, noTracks(), false);
    for (const data of stored.sent) b.peer.signal(data);
    await settle();
    const late = b.sent.splice(0);
    stored.peer.close();
    const a = side(waiter, comer, noTracks(), true);
    [a.to, b.to] = [b, a];
    FakeConnection.made = [];
    for (const data of late) a.peer.signal(data);
    for (let i = 0; i < 20; i++) await settle();
    assert.deepEqual([kinds(a), kinds(b), FakeConnection.made.length], [["offer"], ["answer"], 1]);
    for (const { peer, errors } of [a, b]) {
      assert.deepEqual([peer.pc.signalingState, peer.held, errors], ["stable", false, []]);
      peer.close();
    }
  });
}

test("both start over, one just as the other's offer has come: the offer is said again, and answered", async () => {
  const { a, b } = pair();
  await settle();
  b.to = { peer: { signal(data) {
    a.peer.signal(data);
    b.to = a;
    a.peer.rebuild({ tell: true });
  } } };
  b.peer.rebuild({ tell: true });
  await settle();
  for (const { peer, errors } of [a, b]) {
    assert.equal(peer.pc.signalingState, "stable");
    assert.deepEqual(errors, []);
  }
  assert.deepEqual(kinds(a), ["answer", "offer", "answer"]);
});

test("signals of an old connection of the other side are dropped", async () => {
  const a = side("p_a", "p_b");
  a.peer.signal({ pc: "old", description: { type: "offer", sdp: "1" } });
  await settle();
  const before = a.peer.pc;
  a.peer.signal({ pc: "new", description: { type: "offer", sdp: "2" } });
  await settle();
  assert.ok(before.closed);
  assert.equal(a.peer.pc.remoteDescription.sdp, "2");
  a.peer.signal({ pc: "old", description: { type: "offer", sdp: "3" } });
  await settle();
  assert.equal(a.peer.pc.remoteDescription.sdp, "2");
});

test("a side that starts over gets a new offer, and both end connected to the new one", async () => {
  for (const who of ["a", "b"]) {
    const both = pair();
    await settle();
    both[who].peer.rebuild({ tell: true });
    await settle();
    await settle();
    for (const side of [both.a, both.b]) {
      assert.equal(side.peer.pc.signalingState, "stable", who);
      assert.ok(side.peer.pc.remoteDescription, who);
      assert.deepEqual(side.errors, [], who);
    }
  }
});

test("a side that was asleep while the other started over several times ends connected to the last one", async () => {
  for (const who of ["a", "b"]) {
    const both = pair();
    await settle();
    const [awake, asleep] = who === "a" ? [both.a, both.b] : [both.b, both.a];
    // What is sent to the sleeper waits, in order, as the server keeps it.
    const kept = [];
    awake.to = { peer: { signal: (data) => kept.push(data) } };
    for (let i = 0; i < 4; i++) {
      awake.peer.rebuild({ tell: true });
      await settle();
    }
    // It wakes; its answers take a while to come back.
    const answers = [];
    asleep.to = { peer: { signal: (data) => answers.push(data) } };
    for (const data of kept) {
      asleep.peer.signal(data);
      await settle();
    }
    [awake.to, asleep.to] = [asleep, awake];
    for (const data of answers) awake.peer.signal(data);
    for (let i = 0; i < 20; i++) await settle();
    const made = FakeConnection.made.length;
    for (let i = 0; i < 20; i++) await settle();
    assert.equal(FakeConnection.made.length, made, `${who}: they go on starting over`);
    for (const side of [both.a, both.b]) {
      assert.equal(side.peer.pc.signalingState, "stable", who);
      assert.ok(side.peer.pc.remoteDescription, who);
      assert.deepEqual(side.errors, [], who);
    }
    awake.peer.close();
    asleep.peer.close();
  }
});

/** Time passes for the timers and for who asks what time it is. */
async function pass(ms) {
  for (let i = 0; i < ms; i += 100) {
    clock += 100;
    mock.timers.tick(100);
    await settle();
  }
}

for (const [what, signal] of [
  ["a new connection", (i) => ({ pc: `x${i}`, description: { type: "offer", sdp: `${i}` } })],
  ["another offer for the same one", () => ({ pc: "same", need: "offer" })],
]) {
  test(`who asks all the time for ${what} makes this side start over ever less often, and is told to wait`, async () => {
    const a = side("p_a", "p_b");
    const held = [];
    a.peer.on("held", (on) => held.push(on));
    FakeConnection.made = [];
    const perMinute = [0, 0];
    for (let i = 0; i < 2 * 60 * 10; i++) {
      const before = FakeConnection.made.length;
      a.peer.signal(signal(i));
      await pass(100);
      perMinute[i < 60 * 10 ? 0 : 1] += FakeConnection.made.length - before;
    }
    assert.ok(perMinute[0] >= 5 && perMinute[0] <= 20, `${perMinute}`);
    assert.ok(perMinute[1] >= 4 && perMinute[1] <= 8, `${perMinute}`);
    assert.ok(FakeConnection.made.slice(0, -1).every((pc) => pc.closed));
    assert.equal(a.peer.held, true);
    assert.deepEqual(held.slice(0, 3), [true, false, true]);
    await pass(12_000);
    assert.equal(a.peer.held, false);
    a.peer.close();
  });
}

test("the newest connection of who had to wait is the one that is answered, with all that was said of it", async () => {
  const a = side("p_a", "p_b");
  for (let i = 0; i < 8; i++) a.peer.signal({ pc: `x${i}`, description: { type: "offer", sdp: `${i}` } });
  a.peer.signal({ pc: "x7", candidates: [{ candidate: "late" }] });
  await settle();
  assert.equal(a.peer.held, true);
  await pass(1_500);
  assert.deepEqual([a.peer.held, a.peer.pc.remoteDescription.sdp], [false, "7"]);
  assert.deepEqual(a.peer.pc.added, [{ candidate: "late" }]);
  a.peer.signal({ pc: "x6", description: { type: "offer", sdp: "6" } });
  await settle();
  assert.equal(a.peer.pc.remoteDescription.sdp, "7");
  a.peer.close();
});

test("starting over every 15 seconds, as a lasting failure makes one do, never has to wait", async () => {
  const a = side("p_a", "p_b");
  for (let i = 0; i < 20; i++) {
    a.peer.signal({ pc: `x${i}`, description: { type: "offer", sdp: `${i}` } });
    assert.equal(a.peer.held, false);
    await pass(15_000);
  }
  a.peer.close();
});

test("an offer that is needed again is answered on the same connection of the other side", async () => {
  const b = side("p_b", "p_a");
  b.peer.signal({ pc: "x", candidates: [] });
  b.peer.signal({ pc: "x", need: "offer" });
  await settle();
  b.peer.signal({ pc: "x", description: { type: "answer", sdp: "late" } });
  await settle();
  assert.equal(b.peer.pc.remoteDescription?.sdp, "late");
  b.peer.close();
});

test("an offer that the server lost is said again", async () => {
  const b = side("p_b", "p_a");
  await settle();
  b.peer.resync();
  await settle();
  assert.deepEqual(kinds(b), ["offer", "offer", "end"]);
  const a = side("p_a", "p_b");
  a.peer.resync();
  assert.deepEqual(kinds(a), ["offer"]);
  assert.equal(a.sent[0].need, "offer");
});

test("a late answer to an offer that was taken back is no error", async () => {
  const b = side("p_b", "p_a");
  await settle();
  b.peer.signal({ pc: "x", description: { type: "answer", sdp: "1" } });
  b.peer.signal({ pc: "x", description: { type: "answer", sdp: "2" } });
  await settle();
  assert.deepEqual(b.errors, []);
  assert.equal(b.peer.pc.remoteDescription.sdp, "1");
});

test("what a side says about its media goes out when the channel opens and at every change", async () => {
  const b = side("p_b", "p_a");
  const { ctl } = b.peer.pc.channels;
  assert.deepEqual([ctl.negotiated, ctl.id, b.peer.pc.channels.bulk.id], [true, 0, 1]);
  b.peer.sendState();
  assert.deepEqual(ctl.sent, []);
  openChannels(b.peer.pc);
  b.peer.sendState();
  assert.deepEqual(ctl.sent.map((m) => [m.t, m.mic]), [["state", true], ["state", true]]);
});

test("the other side's messages are judged: shape, size and rate", () => {
  const b = side("p_b", "p_a");
  const { ctl } = b.peer.pc.channels;
  const states = [];
  b.peer.on("state", (state) => states.push(state));
  for (const data of ["{", "null", "7", `{"t":5}`, JSON.stringify({ t: "state", pad: "x".repeat(17_000) }), new ArrayBuffer(3)]) ctl.onmessage({ data });
  assert.deepEqual(states, []);
  ctl.onmessage({ data: `{"t":"state","mic":true,"cam":"yes"}` });
  assert.deepEqual(states, [{ mic: true, cam: false, screen: false, screenAudio: false, hand: false, paused: false }]);
  for (let i = 0; i < 2_000; i++) ctl.onmessage({ data: `{"t":"state"}` });
  assert.ok(states.length <= 400);
});

test("what was said during a break is heard when it all comes at once", () => {
  const b = side("p_b", "p_a");
  const said = [];
  b.peer.on("message", (message) => said.push(message.i));
  for (let i = 0; i < 200; i++) b.peer.pc.channels.ctl.onmessage({ data: JSON.stringify({ t: "chat", i }) });
  assert.equal(said.length, 200);
});

test("signals of the other side are judged: no shape of them stops or fills this one", async () => {
  const a = side("p_a", "p_b");
  const { pc } = a.peer;
  for (const data of [null, 5, { pc: 7 }, { pc: "x".repeat(1_000), description: { type: "offer", sdp: "1" } }, { pc: "y", candidates: 5 }, { pc: "y", candidates: { length: 3 } }]) a.peer.signal(data);
  for (let i = 0; i < 20; i++) a.peer.signal({ pc: "y", candidates: Array.from({ length: 1_000 }, (_, n) => ({ candidate: `${n}` })) });
  a.peer.signal({ pc: "y", description: { type: "offer", sdp: "1" } });
  await settle();
  assert.equal(a.peer.pc, pc);
  assert.equal(pc.remoteDescription.sdp, "1");
  assert.equal(pc.added.length, 256);
});

test("words of any other type are passed on, and own ones are paced to what the other side takes", () => {
  const b = side("p_b", "p_a");
  const said = [];
  b.peer.on("message", (message) => said.push(message));
  const { pc } = b.peer;
  assert.equal(b.peer.ctl.send("chat", { text: "early" }), false);
  openChannels(pc);
  pc.channels.ctl.onmessage({ data: `{"t":"chat","text":"hi"}` });
  assert.deepEqual(said, [{ t: "chat", text: "hi" }]);
  const before = pc.channels.ctl.sent.length;
  for (let i = 0; i < 50; i++) assert.equal(b.peer.ctl.send("chat", { i }), true);
  assert.ok(pc.channels.ctl.sent.length - before < 10);
  assert.equal(b.peer.ctl.send("chat", { text: "x".repeat(20_000) }), false);
  const bytes = [];
  b.peer.on("bulk", (data) => bytes.push(data.byteLength));
  pc.channels.bulk.onmessage({ data: new ArrayBuffer(3) });
  pc.channels.bulk.onmessage({ data: "text" });
  assert.deepEqual(bytes, [3]);
  b.peer.close();
});

test("what the browser has no room for waits, in order; what it never takes keeps nothing back", () => {
  const b = side("p_b", "p_a");
  const { ctl } = b.peer.pc.channels;
  openChannels(b.peer.pc);
  ctl.sent = [];
  const { send } = ctl;
  ctl.send = () => {
    throw new DOMException("", "OperationError");
  };
  for (const i of [1, 2, 3]) assert.equal(b.peer.ctl.send("chat", { i }), true);
  ctl.send = (text) => {
    if (text.includes("2")) throw new TypeError();
    send.call(ctl, text);
  };
  mock.timers.tick(1_000);
  assert.deepEqual(ctl.sent.map(({ i }) => i), [1, 3]);
  b.peer.close();
});

test("hanging up says so and closes the connection", () => {
  const b = side("p_b", "p_a");
  const { pc } = b.peer;
  pc.channels.ctl.readyState = "open";
  b.peer.close("left");
  assert.deepEqual(pc.channels.ctl.sent, [{ t: "bye", reason: "left" }]);
  assert.ok(pc.closed);
});

test("a connection that the relay has brought about looks for a shorter way at once", async () => {
  const { b } = pair();
  await settle();
  b.peer.rebuild({ tell: true, relay: true });
  const { pc } = b.peer;
  pc.connectionState = "connected";
  pc.onconnectionstatechange();
  assert.equal(pc.restarts, 1);
  pc.onconnectionstatechange();
  assert.equal(pc.restarts, 1);
});

test("a connection never holds idle relay allocations and bundles everything", () => {
  const b = side("p_b", "p_a");
  const { config } = b.peer.pc;
  assert.equal(config.iceCandidatePoolSize, 0);
  assert.equal(config.bundlePolicy, "max-bundle");
  b.peer.configure();
  assert.equal(b.peer.pc.config.bundlePolicy, "max-bundle");
});
