import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ANN, BOB, CARA, room, start, turn } from "./ways.js";

let app;
beforeEach(async () => {
  app = await start();
  app.calls.open("kitchen");
});
afterEach(() => app.stop());

const state = () => app.store.state;

async function join(answer, pass) {
  void app.calls.join(pass);
  await app.answer("room.join", answer);
}

test("each refusal has its page", async () => {
  for (const [code, phase] of [["room_locked", "locked"], ["bad_password", "password"], ["room_full", "full"], ["denied", "refused"], ["not_found", "refused"]]) {
    app.calls.close();
    app.calls.open("kitchen");
    await join({ code, message: "" });
    assert.equal(state().call.phase, phase, code);
  }
});

test("a password is asked for without reproach, a wrong one is called wrong, the right one lets in", async () => {
  await join({ code: "bad_password", message: "" });
  assert.equal(state().call.problem, null);
  await join({ code: "bad_password", message: "" }, "wrong");
  assert.equal(state().call.problem.key, "error.bad_password");
  await join({ room: room("kitchen", "link", BOB, ANN) }, "right");
  assert.equal(app.sent("room.join").at(-1).pass, "right");
  assert.equal(state().call.phase, "in");
});

test("who knocks waits, and goes in when let in", async () => {
  await join({ code: "room_locked", message: "", knock: true });
  void app.door.knock(" It is me ");
  await app.answer("room.knock");
  assert.deepEqual(app.sent("room.knock"), [{ t: "room.knock", room: "kitchen", note: "It is me" }]);
  assert.equal(state().call.phase, "knocking");
  await app.say("room.admitted", { room: "kitchen", allow: true });
  await app.answer("room.join", { room: room("kitchen", "link", BOB, ANN) });
  assert.equal(state().call.phase, "in");
});

test("who is not let in is told", async () => {
  await join({ code: "room_locked", message: "", knock: true });
  void app.door.knock("");
  await app.answer("room.knock");
  await app.say("room.admitted", { room: "kitchen", allow: false });
  assert.deepEqual([state().call.phase, state().call.problem.key], ["refused", "error.denied"]);
});

test("the host hears who knocks, and lets in or not", async () => {
  await join({ room: room("kitchen", "link", ANN) });
  await app.say("room.knock", { room: "kitchen", peer: BOB, note: "Hi" });
  await app.say("room.knock", { room: "kitchen", peer: CARA });
  assert.deepEqual(state().call.knocks.map(({ name, note }) => [name, note]), [["Bob", "Hi"], ["Cara", ""]]);
  app.door.admit("p_a", true);
  app.door.admit("p_c", false);
  assert.deepEqual(app.sent("room.admit").map(({ peer, allow }) => [peer, allow]), [["p_a", true], ["p_c", false]]);
  assert.deepEqual(state().call.knocks, []);
});

test("who is at the door no more is off the host's list: gone, or in by another way", async () => {
  await join({ room: room("kitchen", "link", ANN) });
  for (const peer of [BOB, CARA]) await app.say("room.knock", { room: "kitchen", peer });
  await app.say("room.peer", { room: "kitchen", ev: "leave", reason: "left", peer: BOB });
  assert.deepEqual(state().call.knocks.map(({ name }) => name), ["Cara"]);
  await app.say("room.peer", { room: "kitchen", ev: "join", peer: CARA });
  assert.deepEqual(state().call.knocks, []);
});

test("who goes away from the door tells the host, who comes in does not", async () => {
  const knock = async () => {
    app.calls.close();
    app.calls.open("kitchen");
    await join({ code: "room_locked", message: "", knock: true });
    void app.door.knock("");
    await app.answer("room.knock");
  };
  await knock();
  app.calls.close();
  assert.deepEqual(app.sent("room.leave"), [{ t: "room.leave", room: "kitchen" }]);
  await knock();
  await app.say("room.admitted", { room: "kitchen", allow: false });
  await knock();
  await app.say("room.admitted", { room: "kitchen", allow: true });
  await app.answer("room.join", { room: room("kitchen", "link", BOB, ANN) });
  assert.equal(state().call.phase, "in");
  await turn();
  assert.equal(app.sent("room.leave").length, 1);
});

test("settings go to the server and come back from it", async () => {
  await join({ room: room("kitchen", "link", ANN) });
  app.door.change({ locked: true, pass: null });
  assert.deepEqual(app.sent("room.set"), [{ t: "room.set", room: "kitchen", locked: true, pass: null }]);
  assert.equal(state().call.locked, false);
  await app.say("room", { room: "kitchen", locked: true, host: "p_a" });
  assert.deepEqual([state().call.locked, state().call.host], [true, "p_a"]);
});

test("a setting that is refused is said to who listens too", async () => {
  await join({ room: room("kitchen", "link", ANN) });
  app.door.change({ locked: true });
  await app.answer("room.set", { code: "forbidden", message: "" });
  assert.deepEqual([state().toast.key, app.said.at(-1)], ["error.forbidden", "error.forbidden"]);
});

test("who was removed is told", async () => {
  await join({ room: room("kitchen", "link", BOB, ANN) });
  await app.say("room.peer", { room: "kitchen", ev: "leave", reason: "kicked", peer: ANN });
  await turn();
  assert.deepEqual([state().call.phase, state().call.problem.key], ["refused", "call.kicked"]);
});

test("a reload does not keep the room's password; made anew without it, the room is shut and its owner told", async (t) => {
  const kept = new Map();
  globalThis.sessionStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  t.after(() => delete globalThis.sessionStorage);
  await join({ room: { ...room("kitchen", "link", ANN), pass: true } }, "open sesame");
  app.store.set({ devices: { mic: { on: true }, cam: { on: false } } });
  app.calls.vanish();
  assert.equal(kept.size, 1);
  assert.doesNotMatch([...kept.values()].join(), /sesame/);

  const again = await start();
  t.after(() => again.stop());
  again.calls.open("kitchen");
  await again.answer("room.join", { room: room("kitchen", "link", ANN) });
  assert.deepEqual(again.sent("room.set"), [{ t: "room.set", room: "kitchen", locked: true }]);
  assert.equal(again.store.state.toast.key, "room.pass.gone");
  assert.equal(again.said.at(-1), "room.pass.gone");
});
