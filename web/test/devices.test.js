import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { LocalMedia } from "../static/js/rtc/devices.js";
import { settle } from "./fakes.js";

let media, asked, before;
beforeEach(() => {
  asked = [];
  const question = () => new Promise((done, fail) => asked.push({ done, fail }));
  const mediaDevices = { getUserMedia: question, getDisplayMedia: question, enumerateDevices: async () => [], addEventListener() {} };
  before = Object.getOwnPropertyDescriptor(globalThis, "navigator"); // newer versions of Node have one
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { mediaDevices } });
  media = new LocalMedia();
});
afterEach(() => {
  delete globalThis.navigator;
  if (before) Object.defineProperty(globalThis, "navigator", before);
});

/** What the browser gives. */
function stream(...kinds) {
  const tracks = kinds.map((kind) => ({ kind, readyState: "live", stop() { this.readyState = "ended"; } }));
  const of = (kind) => tracks.filter((track) => track.kind === kind);
  return { getTracks: () => tracks, getAudioTracks: () => of("audio"), getVideoTracks: () => of("video") };
}
const live = (given) => given.getTracks().map(({ readyState }) => readyState === "live");

const ways = {
  "microphone and camera": { ask: () => media.open({ mic: true, cam: true }), busy: () => media.state.cam.busy, has: () => Object.values(media.state).map(({ track }) => track !== null) },
  "a screen": { ask: () => media.screen.start(), busy: () => media.screen.state.busy, has: () => [media.screen.state.audio, media.screen.state.track].map((track) => track !== null) },
};
for (const [what, { ask, busy, has }] of Object.entries(ways)) {
  test(`${what} that the browser gives after the person has left are closed at once`, async () => {
    void ask();
    media.stop();
    assert.equal(busy(), false);
    const late = stream("audio", "video");
    asked[0].done(late);
    await settle();
    assert.deepEqual([live(late), has()], [[false, false], [false, false]]);
  });

  test(`${what} asked for again meanwhile are those of the second question`, async () => {
    void ask();
    media.stop();
    void ask();
    const [late, next] = [stream("audio", "video"), stream("audio", "video")];
    asked[0].done(late);
    await settle();
    assert.equal(busy(), true);
    asked[1].done(next);
    await settle();
    assert.deepEqual([live(late), live(next), has(), busy()], [[false, false], [true, true], [true, true], false]);
  });
}

test("a device that is lost just before the person leaves is no error of the next call", async () => {
  void media.open({ mic: true });
  const given = stream("audio");
  asked[0].done(given);
  await settle();
  given.getTracks()[0].onended();
  media.stop();
  asked[1].fail(new DOMException("", "NotFoundError"));
  await settle();
  assert.equal(media.state.mic.error, null);
});
