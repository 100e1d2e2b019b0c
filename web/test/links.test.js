import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../static/js/check/background.js";
import { Journal } from "../static/js/rtc/journal.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { LinkWatch } from "../static/js/ui/links.js";

const view = (name, phase) => ({ id: `p_${name}`, name, phase });

test("a broken link sounds at once, is told when it lasts, and so is its return", () => {
  const watch = new LinkWatch();
  const look = (s, phase) => {
    const { tone, words } = watch.look(s * 1000, [view("Bob", phase)]);
    return [tone, ...words.map(({ text, urgent }) => `${text.key}${urgent ? "!" : ""}`)].join(" ");
  };
  const heard = [[0, "connected"], [1, "stalled"], [2, "reconnecting"], [3, "reconnecting"], [5, "reconnecting"], [6, "failed"], [60, "lost"], [61, "lost"], [62, "connected"], [63, "connected"]];
  assert.deepEqual(heard.map(([s, phase]) => look(s, phase)), [
    "false", "false", "true", "false", "false link.broken!", "false", "false link.lost!", "false", "false link.back", "false",
  ]);
});

test("a short break is heard and not told, and each member has words of its own", () => {
  const watch = new LinkWatch();
  const look = (s, ...phases) => watch.look(s * 1000, phases.map((phase, i) => view(`${i}`, phase)));
  assert.equal(look(0, "reconnecting", "connected").tone, true);
  assert.deepEqual(look(1, "connected", "reconnecting"), { tone: true, words: [] });
  assert.deepEqual(look(4, "connected", "reconnecting").words.map(({ text }) => text.values.name), ["1"]);
  assert.deepEqual(look(5, "connected"), { tone: false, words: [] });
});

test("a link that never stood is told of without a tone", () => {
  const watch = new LinkWatch();
  assert.equal(watch.look(0, [view("Bob", "connecting")]).tone, false);
  assert.deepEqual(watch.look(20_000, [view("Bob", "failed")]), { tone: false, words: [] });
  assert.equal(watch.look(24_000, [view("Bob", "failed")]).words[0].text.key, "link.broken");
});

test("whose side it is on follows from what answers", () => {
  const side = (signaling, stun, udp, tcp, tls) => judge({ signaling, stun, "turn-udp": udp, "turn-tcp": tcp, "turn-tls": tls });
  assert.equal(side("pass", "pass", "pass"), "there");
  assert.equal(side("pass", "fail", "fail", "fail", "pass"), "there");
  assert.equal(side("pass", "pass", "fail", "fail", "skipped"), "relay");
  assert.equal(side("pass", "fail", "fail", "fail", "fail"), "relay");
  assert.equal(side("pass", "warn", "skipped"), "there");
  assert.equal(side("pass", "fail", "skipped"), "relay");
  assert.equal(side("fail", "pass", "pass"), "server");
  assert.equal(side("fail", "fail", "fail", "fail", "pass"), "server");
  assert.equal(side("fail", "fail", "fail", "fail", "fail"), "here");
});

test("a report tells of those who have gone, without their names", () => {
  let now = 0;
  const journal = new Journal(() => now);
  const bob = { id: "p_b", name: "Bob", phase: "connected", state: {}, tracks: noTracks(), figures: null, told: null, path: null, quality: "good", iceErrors: [], step: "" };
  journal.add("here", "p_b");
  now = 5_000;
  journal.leave(bob, "left");
  assert.deepEqual(journal.gone.map(({ who, phase, gone }) => [who, phase, gone]), [["1", "connected", "left"]]);
  assert.deepEqual(journal.entries.at(-1), { ms: 5_000, who: "1", what: "left" });
  for (let i = 0; i < 100; i++) journal.leave({ ...bob, id: `p_${i}` }, "timeout");
  assert.equal(journal.gone.length, 20);
  assert.doesNotMatch(JSON.stringify([journal.gone, journal.entries]), /Bob|p_b/);
});
