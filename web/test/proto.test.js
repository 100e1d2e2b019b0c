import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Session } from "../static/js/net/session.js";
import { FakeSocket, WELCOME, settle } from "./fakes.js";

/** The examples that the server is tested with too, so that the two sides cannot drift. */
const dir = new URL("../../signaling/testdata/proto/", import.meta.url);
const examples = readdirSync(dir).filter((name) => name.endsWith(".json"))
  .map((name) => ({ name, ...JSON.parse(readFileSync(new URL(name, dir), "utf8")) }));
const example = (name) => examples.find((e) => e.name === `${name}.json`)?.frame;

function online() {
  const session = new Session({ url: "ws://h/ws", key: "0".repeat(32), build: "b1", lang: "en", name: "Ann", WebSocket: FakeSocket });
  session.start();
  return { session, socket: FakeSocket.latest.accept().say(WELCOME) };
}

test("there are examples of both directions", () => {
  assert.ok(examples.some((e) => e.dir === "client") && examples.some((e) => e.dir === "server"));
});

for (const { name, dir: side, frame } of examples) {
  if (side !== "server") continue;
  test(`${name} is understood`, async (t) => {
    const { session, socket } = online();
    t.after(() => session.close());
    const events = [];
    const refusals = [];
    session.on("refused", (error) => refusals.push(error.code));
    session.on("frame", (event) => events.push(event));
    const answers = [];
    if (frame.re) {
      for (let id = 1; id <= frame.re; id++) {
        const last = id === frame.re;
        session.request("any").then((f) => last && answers.push(f), (e) => last && e.code !== "closed" && answers.push(e.code));
      }
    }
    socket.say(frame);
    await settle();
    if (frame.t === "ok") assert.deepEqual(answers, [frame]);
    else if (frame.t === "error" && frame.re) assert.deepEqual(answers, [frame.code]);
    else if (frame.t === "error") assert.deepEqual(refusals, [frame.code]);
    else if (frame.t === "bye") assert.equal(session.state, frame.code === "shutdown" ? "waiting" : "ended");
    else if (frame.n) assert.deepEqual(events, [frame]);
    if (frame.t === "welcome") assert.deepEqual(session.welcome, frame);
  });
}

/** What each frame must hold for the pages to work, by name of the example. */
const NEEDED = {
  "server.welcome": ["you.peer", "you.user", "you.name", "you.guest", "you.room", "ice.iceServers", "build", "last_id", "resumed", "ping_ms", "limits.msg_bytes"],
  "server.ok.room.join": ["room.room", "room.max", "room.peers.0.peer", "room.peers.0.name", "room.peers.0.guest", "room.peers.0.order"],
  "server.ok.watch": ["users.0.user", "users.0.name", "users.0.guest", "users.0.status"],
  "server.ok.ice.get": ["ice.iceServers"],
  "server.ice": ["ice.iceServers"],
  "server.room.peer.join": ["room", "ev", "peer.peer", "peer.name", "peer.order"],
  "server.room.peer.leave.left": ["room", "ev", "peer.peer", "reason"],
  "server.room.max": ["room", "max"],
  "server.signal": ["room", "from", "data"],
  "server.users": ["changed.0.user", "changed.0.name", "changed.0.status"],
};

for (const [name, paths] of Object.entries(NEEDED)) {
  test(`${name} holds what the pages read`, () => {
    for (const path of paths) {
      const value = path.split(".").reduce((at, key) => at?.[key], example(name));
      assert.notEqual(value, undefined, path);
    }
  });
}

test("what this client sends has no field that the examples lack", (t) => {
  const { session, socket } = online();
  t.after(() => session.close());
  session.request("room.join", { room: "r", create: true, max: 2, media: { audio: true, video: false } }).catch(() => {});
  session.request("room.leave", { room: "r" }).catch(() => {});
  session.request("watch", { users: true, offers: false }).catch(() => {});
  session.request("ice.get").catch(() => {});
  session.post("signal", { room: "r", to: "p_x", data: { pc: "a", candidate: null } });
  session.post("report", { path: "direct", setup_ms: 1, step: null });
  session.probe();
  for (const frame of socket.sent) {
    const known = { ack: 0, ...(frame.t === "hello" ? { name: "", last: 0 } : {}), ...example(`client.${frame.t}`) };
    for (const field of Object.keys(frame)) assert.ok(field in known, `${frame.t}: ${field}`);
  }
});
