import assert from "node:assert/strict";
import { test } from "node:test";
import { ANN, BOB, room, start, turn } from "./ways.js";

test("what takes part in a call is there before the person is in, and hears of its end", async (t) => {
  const app = await start();
  t.after(() => app.stop());
  const heard = [];
  let loaded;
  app.calls.attach(async () => {
    await new Promise((done) => (loaded = done));
    return (call) => {
      call.on("joined", ({ name }) => heard.push(name));
      return () => heard.push("over");
    };
  });
  app.calls.open("r");
  void app.calls.join();
  await turn();
  assert.deepEqual(app.sent("room.join"), []);
  loaded();
  await app.answer("room.join", { room: room("r", "link", BOB, ANN), mail: 0 });
  app.calls.leave();
  assert.deepEqual(heard, ["Bob", "over"]);
});
