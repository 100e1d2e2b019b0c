import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { outcome } from "../static/js/calling.js";
import { FakeSocket } from "./fakes.js";
import { ANN, BOB, CARA, room, start, turn } from "./ways.js";

let app;
beforeEach(async () => {
  app = await start();
});
afterEach(() => app.stop());

const state = () => app.store.state;
const ring = (call = "c_1", from = BOB, video = true) => app.say("call.ring", { call, from, media: { audio: true, video }, expires: 0 });
const end = (call, reason, note) => app.say("call.end", { call, reason, ...(note && { note }) });

/** A call to Bob that has been answered by the server. */
async function call(video = true) {
  void app.calling.start({ user: "g_2" }, "Bob", video);
  await app.answer("call.start", { call: "c_9", room: "r_9", expires: 0 });
}

test("a call goes out, rings, is accepted, and is a room from then on", async () => {
  await call(false);
  assert.deepEqual(app.sent("call.start"), [{ t: "call.start", to: { user: "g_2" }, media: { audio: true, video: false } }]);
  assert.equal(state().outgoing.phase, "calling");
  await app.say("call.update", { call: "c_9", state: "ringing" });
  assert.equal(state().outgoing.phase, "ringing");
  await app.say("call.update", { call: "c_9", state: "accepted" });
  await app.say("room.peer", { room: "r_9", ev: "join", peer: BOB });
  assert.equal(state().outgoing, null);
  assert.deepEqual([state().call.phase, state().call.room, state().call.label], ["in", "r_9", "Bob"]);
  assert.deepEqual(state().call.members.map((member) => member.name), ["Bob"]);
  assert.deepEqual(app.went, ["r_9"]);
});

test("what the callee sends at once after accepting is not lost", async () => {
  await call();
  await app.say("call.update", { call: "c_9", state: "accepted" });
  await app.say("room.peer", { room: "r_9", ev: "join", peer: CARA }); // the greater id: it offers
  await app.say("signal", { room: "r_9", from: "p_c", data: { pc: "x1", description: { type: "offer", sdp: "o" } } });
  assert.equal(app.sent("signal").some(({ data }) => data.description?.type === "answer"), true);
});

test("whoever goes offline as it rings is called once more: it may have been a reload", async () => {
  await call();
  await end("c_9", "offline");
  assert.equal(state().outgoing.phase, "calling");
  await new Promise((done) => setTimeout(done, 1_600));
  await app.answer("call.start", { code: "user_offline", message: "" });
  assert.deepEqual([app.sent("call.start").length, state().outgoing.reason], [2, "user_offline"]);
});

for (const reason of ["declined", "busy", "no_answer", "failed"]) {
  test(`a call that ends with ${reason} leaves nothing but the word`, async () => {
    await call();
    await end("c_9", reason, reason === "declined" ? "Later" : "");
    assert.deepEqual([state().outgoing.phase, state().outgoing.reason, state().call], ["ended", reason, null]);
    assert.equal(outcome(reason, "Bob", state().outgoing.note).key, reason === "declined" ? "outcome.declined.note" : `outcome.${reason}`);
  });
}

for (const code of ["user_offline", "unknown_user", "dnd", "busy", "self", "rate_limited"]) {
  test(`a call that is refused with ${code} says so`, async () => {
    void app.calling.start({ name: "Bob" }, "Bob", true);
    await app.answer("call.start", { code, message: "m" });
    assert.deepEqual([state().outgoing.phase, state().outgoing.reason, state().call], ["ended", code, null]);
  });
}

test("cancelled, the server is told, also when it has not answered yet", async () => {
  await call();
  app.calling.cancel();
  assert.deepEqual(app.sent("call.cancel"), [{ t: "call.cancel", call: "c_9" }]);
  assert.equal(state().outgoing.reason, "cancelled");
  void app.calling.start({ user: "g_2" }, "Bob", true);
  await turn();
  app.calling.drop();
  await app.answer("call.start", { call: "c_10", room: "r_10", expires: 0 });
  assert.equal(app.sent("room.leave").at(-1).room, "r_10");
  assert.deepEqual([state().outgoing, state().call], [null, null]);
});

test("two who call each other meet in one call, and nothing rings on", async () => {
  await ring("c_1");
  void app.calling.start({ user: "g_2" }, "Bob", true);
  await app.answer("call.start", { call: "c_1", room: "r_1", expires: 0, merged: true });
  await app.say("call.update", { call: "c_1", state: "accepted" });
  await app.say("room.peer", { room: "r_1", ev: "join", peer: { ...BOB, order: 1 } });
  assert.deepEqual([state().rings, state().outgoing, state().call.phase], [[], null, "in"]);
  assert.deepEqual(state().call.members.map((member) => member.id), ["p_a"]);
});

test("a call that comes in rings, and the caller is told that it does", async () => {
  await ring("c_1", BOB, false);
  assert.deepEqual(state().rings.map(({ call, video, silent }) => ({ call, video, silent })), [{ call: "c_1", video: false, silent: false }]);
  assert.deepEqual(app.sent("call.ringing"), [{ t: "call.ringing", call: "c_1" }]);
  await ring("c_1"); // told again after a resume
  assert.equal(state().rings.length, 1);
});

test("accepted, it is a call with whom called; before, no connection was made", async () => {
  await ring();
  assert.equal(state().call, null);
  void app.calling.accept("c_1", true);
  await app.answer("call.accept", { room: room("r_1", "call", BOB, ANN) });
  assert.deepEqual([state().rings, state().call.phase, state().call.members[0].name], [[], "in", "Bob"]);
  assert.deepEqual(app.went, ["r_1"]);
});

test("accepted too late, the person is told", async () => {
  await ring();
  void app.calling.accept("c_1", true);
  await app.answer("call.accept", { code: "gone", message: "" });
  assert.deepEqual([state().call, state().toast.key], [null, "ring.gone"]);
});

test("declined with a word; ignored, the caller hears nothing", async () => {
  await ring("c_1");
  app.calling.decline("c_1", "Later");
  assert.deepEqual(app.sent("call.decline"), [{ t: "call.decline", call: "c_1", reason: "declined", note: "Later" }]);
  await ring("c_2");
  app.calling.ignore("c_2");
  assert.equal(state().rings[0].silent, true);
  assert.equal(app.sent("call.decline").length, 1);
  await end("c_2", "no_answer");
  assert.deepEqual(state().missed.map(({ name }) => name), ["Bob"]);
});

test("a second call waits behind the first and never takes its place", async () => {
  await ring("c_1", BOB);
  await ring("c_2", CARA);
  assert.deepEqual(state().rings.map(({ from }) => from.name), ["Bob", "Cara"]);
  app.calling.decline("c_1");
  assert.deepEqual(state().rings.map(({ from }) => from.name), ["Cara"]);
});

for (const [reason, missed] of [["cancelled", 1], ["no_answer", 1], ["offline", 1], ["elsewhere", 0], ["failed", 0]]) {
  test(`a ring that ends with ${reason} is ${missed ? "" : "not "}a missed call`, async () => {
    await ring();
    await end("c_1", reason);
    assert.deepEqual([state().rings, state().missed.length], [[], missed]);
  });
}

test("answered elsewhere is said", async () => {
  await ring();
  await end("c_1", "elsewhere");
  assert.equal(state().toast.key, "ring.elsewhere");
});

test("who is in a call rings or sends busy, as chosen; busy is a missed call all the same", async () => {
  await call();
  await app.say("call.update", { call: "c_9", state: "accepted" });
  await ring("c_2", CARA);
  assert.equal(state().rings.length, 1);
  app.calling.decline("c_2");
  app.store.set({ prefs: { ...state().prefs, callWaiting: "busy" } });
  await ring("c_3", CARA);
  assert.deepEqual([state().rings, app.sent("call.decline").at(-1).reason, state().missed.length], [[], "busy", 1]);
});

test("accepting during a call ends that call first", async () => {
  await call();
  await app.say("call.update", { call: "c_9", state: "accepted" });
  await ring("c_2", CARA);
  void app.calling.accept("c_2", false);
  await app.answer("call.accept", { room: room("r_2", "call", CARA, ANN) });
  assert.deepEqual(app.sent("room.leave").map(({ room: left }) => left), ["r_9"]);
  assert.equal(state().call.room, "r_2");
});

test("calls of someone who is muted do not ring, and are missed", async () => {
  app.store.set({ prefs: { ...state().prefs, muted: ["g_2"] } });
  await ring();
  assert.equal(state().rings[0].silent, true);
  await end("c_1", "cancelled");
  assert.equal(state().missed.length, 1);
});

test("someone is called into the call that goes on", async () => {
  void app.calling.add({ user: "g_3", name: "Cara" }, "r_9");
  await app.answer("call.start", { call: "c_5", room: "r_9", expires: 0 });
  assert.equal(app.sent("call.start")[0].room, "r_9");
  await app.say("call.update", { call: "c_5", state: "ringing" });
  assert.deepEqual(state().added.map(({ name, state: how }) => [name, how]), [["Cara", "ringing"]]);
  await end("c_5", "declined");
  assert.deepEqual([state().added, state().toast], [[], { key: "outcome.declined", values: { name: "Cara" } }]);
});

test("missed calls that the server kept are listed once, those dismissed not again", () => {
  const missed = [{ from: { user: "u_b", name: "Bob" }, at: 100 }, { from: { user: "u_c", name: "Cara" }, at: 200 }];
  app.calling.remember(missed, 150);
  app.calling.remember(missed, 150);
  assert.deepEqual(state().missed.map(({ name, at }) => [name, at]), [["Cara", 200]]);
});

test("after a restart of the server what rang is over, and what went out is called again", async () => {
  await ring("c_1");
  await call();
  app.calling.restarted();
  await turn();
  assert.deepEqual(state().rings, []);
  assert.equal(app.sent("call.start").length, 2);
});

test("whoever accepts a second call while the first is being entered stays in the second", async () => {
  await ring("c_1");
  await ring("c_2", CARA);
  void app.calling.accept("c_1", true);
  await turn();
  void app.calling.accept("c_2", true);
  await turn();
  const [first, second] = FakeSocket.latest.of("call.accept");
  await app.say("ok", { re: first.id, room: room("r_1", "call", BOB, ANN) });
  await app.say("ok", { re: second.id, room: room("r_2", "call", CARA, ANN) });
  assert.deepEqual([state().call.room, app.went, state().toast], ["r_2", ["r_2"], null]);
});
