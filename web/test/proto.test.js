import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Session } from "../static/js/net/session.js";
import { FakeSocket, WELCOME } from "./fakes.js";

/** The examples that the server is tested with too, so that the two sides cannot drift. */
const dir = new URL("../../signaling/testdata/proto/", import.meta.url);
const files = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".json")) : [];

/** @param {unknown} value every frame in a file, however it is laid out */
function frames(value) {
  if (!value || typeof value !== "object") return [];
  if (!Array.isArray(value) && typeof value.t === "string") return [value];
  return Object.values(value).flatMap(frames);
}

test("every example of the protocol is taken without harm", { skip: files.length ? false : "there are no examples" }, () => {
  for (const name of files) {
    const all = frames(JSON.parse(readFileSync(new URL(name, dir), "utf8")));
    assert.ok(all.length, `${name} has no frame`);
    for (const frame of all) {
      const session = new Session({ url: "ws://h/ws", key: "0".repeat(32), WebSocket: FakeSocket });
      const seen = [];
      session.on("frame", (event) => seen.push(event));
      session.start();
      const socket = FakeSocket.latest.accept().say(WELCOME);
      socket.say(frame);
      if (typeof frame.n === "number" && frame.t !== "ok" && frame.t !== "error") assert.deepEqual(seen, [frame], name);
      session.close();
    }
  }
});
