import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ANN, BOB, room, start, turn } from "./ways.js";
import { FakeConnection, FakeSocket, WELCOME } from "./fakes.js";

let app;
beforeEach(async () => {
  app = await start();
});
afterEach(() => app.stop());

const state = () => app.store.state;
const POSTING = { title: "Maths", video: true, audience: "all", stored: false, expires: 0 };
const offer = (id, by = BOB) => ({ offer: id, by, title: "Help", media: { video: true }, for: "all", at: 1, expires: 600 });

async function post(change = {}) {
  void app.board.post({ ...POSTING, ...change });
  await app.answer("offer.post", { offer: "o_1", room: "r_1" });
}

test("an open call is put up, waits in its room, and becomes a call when answered", async () => {
  await post();
  assert.deepEqual(app.sent("offer.post"), [{ t: "offer.post", title: "Maths", media: { audio: true, video: true }, for: "all", ttl_ms: 600_000 }]);
  assert.deepEqual([state().call.phase, state().posted.offer, app.went], ["waiting", "o_1", ["r_1"]]);
  await app.say("offer.taken", { offer: "o_1", by: BOB });
  await app.say("room.peer", { room: "r_1", ev: "join", peer: BOB });
  assert.deepEqual([state().call.phase, state().call.label, state().posted], ["in", "Bob", null]);
});

test("withdrawn, it is taken down and the room left", async () => {
  await post();
  app.board.withdraw();
  assert.deepEqual(app.sent("offer.withdraw"), [{ t: "offer.withdraw", offer: "o_1" }]);
  assert.deepEqual([state().posted, state().call], [null, null]);
});

test("extended, it is put up anew, and the end of the old one is no end", async () => {
  await post();
  void app.board.extend();
  await turn();
  await app.say("offer.gone", { offer: "o_1", reason: "withdrawn" });
  await app.answer("offer.post", { offer: "o_2", room: "r_2" });
  assert.deepEqual([state().posted.offer, state().call.room, state().call.phase], ["o_2", "r_2", "waiting"]);
});

test("extended twice in a row, the end of the one in between is no end", async () => {
  await post();
  void app.board.extend();
  await turn();
  void app.board.extend();
  await turn();
  const [, second, third] = FakeSocket.latest.of("offer.post");
  await app.say("ok", { re: second.id, offer: "o_2", room: "r_2" });
  await app.say("offer.gone", { offer: "o_2", reason: "replaced" });
  await app.say("ok", { re: third.id, offer: "o_3", room: "r_3" });
  assert.deepEqual([state().posted?.offer, state().call?.room, state().call?.phase], ["o_3", "r_3", "waiting"]);
});

test("expired, the poster is told and is home again", async () => {
  await post();
  await app.say("offer.gone", { offer: "o_1", reason: "expired" });
  assert.deepEqual([state().posted, state().call, state().toast.key, app.went.at(-1)], [null, null, "board.gone.expired", ""]);
});

test("after a restart of the server it is put up again for the time that is left", async () => {
  await post();
  void app.board.renew();
  await app.answer("offer.post", { offer: "o_3", room: "r_3" });
  assert.equal(state().posted.offer, "o_3");
});

test("another page in its place takes it down", async () => {
  await post();
  app.calls.close();
  assert.equal(state().posted, null);
  assert.deepEqual(app.sent("room.leave"), [{ t: "room.leave", room: "r_1" }]);
});

test("the board follows what is new and what is gone", async () => {
  app.store.set({ offers: [offer("o_1")] });
  await app.say("offer.new", { offer: offer("o_2", ANN) });
  await app.say("offer.gone", { offer: "o_1", reason: "taken" });
  assert.deepEqual(state().offers.map((one) => one.offer), ["o_2"]);
});

test("answering an open call enters its room", async () => {
  void app.board.take(offer("o_1"));
  await app.answer("offer.take", { room: room("r_1", "offer", BOB, ANN), mail: 0 });
  assert.deepEqual([state().call.phase, state().call.label, app.went], ["in", "Bob", ["r_1"]]);
});

test("who is too late is told kindly, and the row is gone", async () => {
  app.store.set({ offers: [offer("o_1")] });
  void app.board.take(offer("o_1"));
  await app.answer("offer.take", { code: "gone", message: "" });
  assert.deepEqual([state().call, state().toast.key, state().offers], [null, "board.late", []]);
});

test("a stored offer goes to the mailbox, and serves whoever comes", async () => {
  await post({ stored: true });
  const [pc] = FakeConnection.made;
  await turn();
  assert.equal(app.sent("signal")[0].to, "*");
  assert.equal(app.sent("signal")[0].data.description.type, "offer");
  pc.find("candidate:1");
  await new Promise((done) => setTimeout(done, 40)); // candidates are sent in batches
  assert.deepEqual(app.sent("signal").map(({ to }) => to), ["*", "*"]);
  await app.say("offer.taken", { offer: "o_1", by: BOB });
  await app.say("room.peer", { room: "r_1", ev: "join", peer: BOB });
  await app.say("signal", { room: "r_1", from: "p_a", data: { pc: "y1", description: { type: "answer", sdp: "a" } } });
  assert.equal(FakeConnection.made.length, 1);
  assert.equal(pc.remoteDescription.type, "answer");
  pc.find(null);
  assert.equal(app.sent("signal").at(-1).to, "p_a");
});

test("who takes a stored offer answers it, whatever the ids", async () => {
  void app.board.take(offer("o_1"));
  await app.answer("offer.take", { room: room("r_1", "offer", BOB, ANN), mail: 1 });
  await app.say("signal", { room: "r_1", from: "p_a", data: { pc: "x1", description: { type: "offer", sdp: "o" } }, replay: true });
  assert.deepEqual(app.sent("signal").map(({ data }) => data.description?.type), ["answer"]);
});

for (const [why, act] of [
  ["a change of network", async () => {
    app.socket.drop();
    await turn();
    FakeSocket.latest.accept().say({ ...WELCOME, resumed: true, last_id: 9 });
  }],
  ["fresh servers", () => app.say("ice", { ice: { iceServers: [] } })],
]) {
  test(`after ${why} what is stored is another, and the open call the same: who has just taken it is not left`, async () => {
    await post({ stored: true });
    const [before] = FakeConnection.made;
    await turn();
    const posted = app.sent("offer.post").length;
    await act();
    await turn();
    assert.deepEqual([FakeConnection.made.length, before.closed], [2, true]);
    assert.deepEqual(app.sent("signal").slice(-2).map(({ to, data }) => [to, data?.description?.type]), [["*", undefined], ["*", "offer"]]);
    await app.say("offer.taken", { offer: "o_1", by: BOB });
    await app.say("room.peer", { room: "r_1", ev: "join", peer: BOB });
    assert.deepEqual([state().call.phase, state().call.label, app.sent("room.leave")], ["in", "Bob", []]);
    assert.equal(app.sent("offer.post").length, FakeSocket.latest === app.socket ? posted : 0);
  });
}
