import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { ask } from "../static/js/check/devices.js";
import { settle } from "./fakes.js";

let answer, before;
beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const mediaDevices = { getUserMedia: () => new Promise((done, fail) => (answer = { done, fail })) };
  before = Object.getOwnPropertyDescriptor(globalThis, "navigator"); // newer versions of Node have one
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { mediaDevices } });
});
afterEach(() => {
  mock.timers.reset();
  delete globalThis.navigator;
  if (before) Object.defineProperty(globalThis, "navigator", before);
});

test("a question that nobody answers ends, and a device that comes too late is closed", async () => {
  const asked = assert.rejects(ask({ audio: true }), { name: "NotAllowedError", message: "Permission dismissed" });
  mock.timers.tick(60_000);
  await asked;
  const track = { stopped: false, stop() { this.stopped = true; } };
  answer.done({ getTracks: () => [track] });
  await settle();
  assert.ok(track.stopped);
});

test("an answer in time is given on, a refusal as it is", async () => {
  const stream = {};
  const first = ask({ audio: true });
  answer.done(stream);
  assert.equal(await first, stream);
  const second = assert.rejects(ask({ video: true }), { name: "NotFoundError" });
  answer.fail(new DOMException("", "NotFoundError"));
  await second;
});
