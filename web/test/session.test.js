import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Session } from "../static/js/net/session.js";
import { FakeSocket, WELCOME, settle } from "./fakes.js";

const KEY = "0123456789abcdef0123456789abcdef";
let session;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  FakeSocket.reset();
  session = new Session({ url: "ws://h/ws", key: KEY, build: "b1", WebSocket: FakeSocket, random: () => 0.5 });
});
afterEach(() => {
  session.close();
  mock.timers.reset();
});

/** Brings the session online on a new socket. */
function online(welcome = {}) {
  if (session.state === "idle") session.start();
  return FakeSocket.latest.accept().say({ ...WELCOME, ...welcome });
}

test("the first frame is hello, with the subprotocol and without last", () => {
  session.start();
  const socket = FakeSocket.latest.accept();
  assert.deepEqual(socket.protocols, ["parley.v1"]);
  assert.deepEqual(socket.sent, [{ t: "hello", v: [1], key: KEY, build: "b1" }]);
});

test("a request resolves with its ok and rejects with its error", async () => {
  const socket = online();
  const good = session.request("room.join", { room: "a" });
  const bad = session.request("room.join", { room: "b" });
  socket.say({ t: "ok", n: 1, re: 1, room: { room: "a" } });
  socket.say({ t: "error", n: 2, re: 2, code: "room_full", message: "full", retry_ms: 5 });
  assert.deepEqual((await good).room, { room: "a" });
  await assert.rejects(bad, { code: "room_full", retryMs: 5 });
});

test("ids grow from 1 and every later frame acks what was processed", () => {
  const socket = online();
  session.post("signal", {});
  socket.say({ t: "users", n: 1, changed: [] });
  session.post("signal", {});
  assert.deepEqual(socket.of("signal"), [{ t: "signal", id: 1 }, { t: "signal", id: 2, ack: 1 }]);
});

test("a replayed event is delivered once", () => {
  const seen = [];
  session.onFrame("signal", (frame) => seen.push(frame.n));
  const socket = online();
  for (const n of [1, 2, 2, 1, 3]) socket.say({ t: "signal", n });
  assert.deepEqual(seen, [1, 2, 3]);
});

test("a dropped socket is replaced at once and the session resumes", async () => {
  const first = online();
  first.say({ t: "users", n: 7, changed: [] });
  const asked = session.request("ice.get");
  session.post("signal", { data: 1 });
  first.drop();
  assert.equal(session.state, "waiting");
  mock.timers.tick(0);
  const second = FakeSocket.latest.accept();
  assert.notEqual(second, first);
  assert.equal(second.sent[0].last, 7);
  second.say({ ...WELCOME, resumed: true, last_id: 1 });
  // Frame 1 had arrived, frame 2 had not: only that one is sent again.
  assert.deepEqual(second.sent.slice(1).map((f) => f.id), [2]);
  second.say({ t: "ok", n: 8, re: 1, ice: {} });
  assert.equal((await asked).n, 8);
});

test("frames sent while there is no socket wait and go out in order", () => {
  const first = online();
  first.drop();
  session.post("signal", { i: 1 });
  session.post("signal", { i: 2 });
  mock.timers.tick(0);
  const second = FakeSocket.latest.accept().say({ ...WELCOME, resumed: true, last_id: 0 });
  assert.deepEqual(second.of("signal").map((f) => f.i), [1, 2]);
});

test("after resumed:false counters start again and old requests have failed", async () => {
  const first = online();
  first.say({ t: "users", n: 9, changed: [] });
  const lost = session.request("watch");
  first.drop();
  mock.timers.tick(0);
  let fresh;
  session.on("welcome", (event) => (fresh = event));
  const second = FakeSocket.latest.accept().say({ ...WELCOME, resumed: false });
  await assert.rejects(lost, { code: "lost" });
  assert.equal(fresh.resumed, false);
  session.post("signal", {});
  assert.equal(second.of("signal")[0].id, 1);
  const seen = [];
  session.onFrame("users", (frame) => seen.push(frame.n));
  second.say({ t: "users", n: 1, changed: [] });
  assert.deepEqual(seen, [1]);
});

test("waits grow, with jitter, and start again after a welcome", () => {
  session.start();
  const waits = [];
  for (let i = 0; i < 8; i++) {
    const sockets = FakeSocket.made.length;
    FakeSocket.latest.drop();
    let waited = 0;
    while (FakeSocket.made.length === sockets) mock.timers.tick((waited += 50) && 50);
    waits.push(waited);
  }
  assert.deepEqual(waits, [50, 300, 1000, 2000, 4000, 7000, 10000, 10000]);
  FakeSocket.latest.accept().say(WELCOME);
  FakeSocket.latest.drop();
  const sockets = FakeSocket.made.length;
  mock.timers.tick(0);
  assert.equal(FakeSocket.made.length, sockets + 1);
});

test("the server's retry_ms is kept to after a shutdown", () => {
  online().say({ t: "bye", code: "shutdown", retry_ms: 2000 });
  mock.timers.tick(1999);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

for (const code of ["unauthorized", "version", "name_taken"]) {
  test(`a hello refused with ${code} is not repeated`, () => {
    let end;
    session.on("ended", (e) => (end = e));
    session.start();
    FakeSocket.latest.accept().say({ t: "error", code, message: "m" }).drop(4003);
    mock.timers.tick(60_000);
    assert.equal(end.code, code);
    assert.equal(FakeSocket.made.length, 1);
  });
}

test("a hello refused for now is repeated when the server says", () => {
  session.start();
  FakeSocket.latest.accept().say({ t: "error", code: "server_full", message: "m", retry_ms: 3000 }).drop(1000);
  mock.timers.tick(2999);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

test("bye replaced ends the session here", () => {
  const ends = [];
  session.on("ended", (end) => ends.push(end.code));
  online().say({ t: "bye", code: "replaced" });
  mock.timers.tick(60_000);
  assert.deepEqual(ends, ["replaced"]);
  assert.equal(FakeSocket.made.length, 1);
});

test("a socket that does not answer a ping is replaced", () => {
  const first = online();
  mock.timers.tick(15_000);
  assert.equal(first.of("ping").length, 1);
  mock.timers.tick(5_000);
  assert.ok(first.closed);
  mock.timers.tick(0);
  assert.equal(FakeSocket.made.length, 2);
});

test("a pong keeps the socket, and its ack clears what waits", () => {
  const first = online();
  session.post("signal", {});
  mock.timers.tick(15_000);
  first.say({ t: "pong", ack: 1 });
  mock.timers.tick(10_000);
  assert.ok(!first.closed);
  first.drop();
  mock.timers.tick(0);
  const second = FakeSocket.latest.accept().say({ ...WELCOME, resumed: true, last_id: 1 });
  assert.deepEqual(second.of("signal"), []);
});

test("a probe gives a doubtful socket a second and a half", () => {
  const first = online();
  session.probe();
  mock.timers.tick(1_499);
  assert.ok(!first.closed);
  mock.timers.tick(1);
  assert.ok(first.closed);
});

test("another doubt does not give the socket more time, and a pong ends it", () => {
  const first = online();
  session.probe();
  mock.timers.tick(1_000);
  first.say({ t: "pong" });
  mock.timers.tick(2_000);
  assert.ok(!first.closed);
  session.probe();
  mock.timers.tick(1_000);
  session.probe();
  mock.timers.tick(500);
  assert.ok(first.closed);
});

test("a change of the network gives it a second, also where there was a doubt before", () => {
  const first = online();
  session.probe();
  mock.timers.tick(300);
  session.wake();
  mock.timers.tick(600);
  session.wake();
  mock.timers.tick(399);
  assert.ok(!first.closed);
  mock.timers.tick(1);
  assert.ok(first.closed);
});

test("on a slow line an answer has the time of two round trips", () => {
  let at = 1;
  session = new Session({ url: "ws://h/ws", key: KEY, WebSocket: FakeSocket, random: () => 0.5, now: () => at });
  session.start();
  const first = FakeSocket.latest.accept();
  at += 1_200;
  first.say(WELCOME);
  session.wake();
  mock.timers.tick(2_399);
  assert.ok(!first.closed);
  at += 500;
  first.say({ t: "pong" });
  session.wake();
  mock.timers.tick(1_000);
  assert.ok(first.closed);
});

test("a socket that never says welcome is given up", () => {
  session.start();
  FakeSocket.latest.accept();
  mock.timers.tick(10_000);
  mock.timers.tick(0);
  assert.equal(FakeSocket.made.length, 2);
});

test("a message over the limit fails here and is never sent", async () => {
  const socket = online();
  await assert.rejects(session.request("signal", { data: "x".repeat(70_000) }), { code: "too_big" });
  assert.deepEqual(socket.of("signal"), []);
});

test("after close code 1009 the largest frame is dropped, the rest goes again", async () => {
  const first = online();
  session.post("signal", { i: 1 });
  const big = session.request("room.set", { title: "x".repeat(900) });
  first.drop(1009);
  await assert.rejects(big, { code: "too_big" });
  mock.timers.tick(0);
  const second = FakeSocket.latest.accept().say({ ...WELCOME, resumed: true, last_id: 0 });
  assert.deepEqual(second.sent.slice(1).map((f) => f.i), [1]);
});

test("what waits for replay is bounded, and the oldest request fails first", async () => {
  online().drop();
  const oldest = session.request("watch");
  for (let i = 0; i < 512; i++) session.post("signal", { i });
  await assert.rejects(oldest, { code: "lost" });
});

test("frames that are no JSON or of an unknown type do no harm", async () => {
  const socket = online();
  socket.onmessage({ data: "{" });
  socket.onmessage({ data: "null" });
  socket.say({ t: "brand.new", n: 1 });
  await settle();
  assert.equal(session.state, "online");
});

test("wake connects at once instead of waiting", () => {
  const first = online();
  first.drop();
  mock.timers.tick(0);
  FakeSocket.latest.drop();
  const made = FakeSocket.made.length;
  session.wake();
  assert.equal(FakeSocket.made.length, made + 1);
});
