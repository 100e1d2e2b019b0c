import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { stepOf } from "../static/js/rtc/diagnose.js";
import { digestOf, readDigest } from "../static/js/rtc/digest.js";
import { explainPath, explainShare } from "../static/js/rtc/explaincall.js";
import { Journal } from "../static/js/rtc/journal.js";
import { Watchdog } from "../static/js/rtc/recover.js";
import { readReport } from "../static/js/rtc/stats.js";
import { VoiceWatch } from "../static/js/rtc/voice.js";

const en = JSON.parse(readFileSync(new URL("../static/i18n/en.json", import.meta.url), "utf8"));

/** Looks every 500 ms; gives the steps with their times in seconds. */
function silence(dog, from, to, count) {
  const steps = [];
  for (let at = from; at <= to; at += 500) for (const step of dog.look(at, count)) steps.push([at / 1000, step]);
  return steps;
}

test("the ladder ends after a minute, with a try every 15 s from then on", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  assert.deepEqual(silence(dog, 500, 91_000, 5), [
    [1, "probe"], [2, "stalled"], [2.5, "restart"], [8, "refresh"], [20, "rebuild"], [35, "rebuild"], [50, "rebuild"],
    [60, "lost"], [75, "rebuild"], [90, "rebuild"],
  ]);
});

test("after a change of the network there is less patience, and none is needed while packets come", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  dog.hurry(100);
  assert.deepEqual(silence(dog, 500, 19_000, 5), [[0.5, "probe"], [0.5, "stalled"], [1, "restart"], [1.5, "renew"], [6.5, "refresh"], [18.5, "rebuild"]]);
  const alive = new Watchdog(0);
  alive.look(0, 5);
  alive.hurry(100);
  assert.deepEqual(alive.look(500, 6), []);
  assert.deepEqual(alive.look(1000, 9), []);
});

test("a person's own try starts the ladder anew", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  silence(dog, 500, 61_000, 5);
  dog.reset(61_000);
  assert.equal(dog.connected, false);
  assert.deepEqual(silence(dog, 61_500, 70_000, 5), [[69, "refresh"]]);
  assert.deepEqual(dog.look(70_500, 6), ["alive"]);
});

const pc = (over) => ({
  remoteDescription: { sdp: "" }, localDescription: { sdp: "v=0\r\na=candidate:1 1 udp\r\n" }, iceConnectionState: "connected", connectionState: "connected", ...over,
});

test("the step that fails is the first that is not done", () => {
  const [none, some] = [{ any: false, relay: false }, { any: true, relay: false }];
  assert.equal(stepOf(pc({ remoteDescription: null, localDescription: null }), none), "signaling");
  assert.equal(stepOf(pc({}), none), "gathering");
  assert.equal(stepOf(pc({ localDescription: { sdp: "v=0\r\n" }, iceConnectionState: "checking" }), some), "checking", "a new search has just begun");
  assert.equal(stepOf(pc({ iceConnectionState: "checking" }), some), "checking");
  assert.equal(stepOf(pc({ connectionState: "connecting" }), some), "dtls");
  assert.equal(stepOf(pc({}), some), "media");
});

test("every failing step has words of its own, and the network of the other side too", () => {
  const title = (facts) => explainPath({ relayOnly: false, relays: true, iceErrors: [], ...facts }).title;
  const titles = ["signaling", "gathering", "dtls", "checking"].map((step) => title({ step }));
  titles.push(title({ away: true }));
  assert.equal(new Set(titles).size, 5);
  for (const key of titles) assert.ok(key in en && `${key}.steps` in en, key);
  assert.equal(title({ step: "gathering", relayOnly: true, relays: false }), "path.norelay");
});

const ENV = { ua: "Macintosh; Intel Mac OS X Chrome/156", origin: "https://h" };

test("why a screen is not shared is told, unless the person said no", () => {
  const why = (name, ms, message = "") => explainShare(Object.assign(new Error(message), { name }), ms, ENV)?.title;
  assert.equal(why("NotAllowedError", 2000), undefined);
  assert.equal(why("NotAllowedError", 100), "share.system");
  assert.equal(why("NotAllowedError", 2000, "Permission denied by system"), "share.system");
  assert.deepEqual(["NotFoundError", "NotReadableError", "AbortError", "Odd"].map((name) => why(name, 2000)), ["share.missing", "share.refused", "share.failed", "share.failed"]);
  for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError", "Odd"]) {
    for (const ua of [ENV.ua, "Windows NT", "X11"]) {
      const { title, steps } = explainShare({ name }, 0, { ...ENV, ua });
      for (const key of [title, ...steps]) assert.ok(key in en, key);
    }
  }
});

/** Feeds the watch twelve times a second. */
function hear(watch, from, ms, db, on) {
  const told = [];
  for (let at = from; at < from + ms; at += 80) if (watch.add(at, db, on)) told.push(at);
  return told;
}

test("a microphone that gives nothing is noticed once, a quiet room is not", () => {
  const dead = new VoiceWatch();
  assert.equal(hear(dead, 0, 4_900, -120, true).length, 0);
  assert.equal(hear(dead, 4_960, 20_000, -120, true).length, 1);
  assert.equal(hear(new VoiceWatch(), 0, 20_000, -75, true).length, 0);
  const late = new VoiceWatch();
  hear(late, 0, 1_000, -40, true);
  assert.equal(hear(late, 1_000, 20_000, -120, true).length, 0);
});

test("words while muted are noticed, a knock is not, and not again for half a minute", () => {
  const watch = new VoiceWatch();
  assert.equal(hear(watch, 0, 240, -20, false).length, 0);
  assert.equal(hear(watch, 240, 1_000, -80, false).length, 0);
  assert.equal(hear(watch, 2_000, 10_000, -20, false).length, 1);
  assert.equal(hear(watch, 40_000, 1_000, -20, false).length, 1);
  assert.equal(hear(new VoiceWatch(), 0, 10_000, -20, true).length, 0);
});

test("what the other side says it receives is judged field by field", () => {
  const sample = readReport(new Map(), 0);
  assert.deepEqual(readDigest(digestOf(sample, null)), { type: "", relayProtocol: "", kbps: 0, loss: 0, fps: 0, width: 0, height: 0 });
  const wild = readDigest({ type: "x".repeat(99), relayProtocol: 5, kbps: -1, loss: 7, fps: "30", width: 1e9, height: NaN });
  assert.deepEqual(wild, { type: "x".repeat(16), relayProtocol: "", kbps: 0, loss: 1, fps: 0, width: 16384, height: 0 });
});

test("the journal numbers people in the order of coming and keeps the newest", () => {
  let now = 1000;
  const journal = new Journal(() => now);
  journal.add("here", "p_zoe");
  now = 1500;
  journal.add("here", "p_ann");
  journal.add("retry", "p_zoe");
  assert.deepEqual(journal.entries, [{ ms: 0, who: "1", what: "here" }, { ms: 500, who: "2", what: "here" }, { ms: 500, who: "1", what: "retry" }]);
  for (let i = 0; i < 500; i++) journal.add(`${i}`);
  assert.equal(journal.entries.length, 200);
  assert.equal(journal.entries.at(-1).what, "499");
});
