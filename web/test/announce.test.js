import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Speaker } from "../static/js/ui/announce.js";

let heard, speaker;
beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  heard = [];
  const region = {
    set textContent(text) {
      heard.push(text);
    },
  };
  speaker = new Speaker(region);
});
afterEach(() => mock.timers.reset());

/** Timers that are set while others fire are due in their turn too. */
function pass(ms) {
  for (let i = 0; i < ms; i += 10) mock.timers.tick(10);
}
const words = () => heard.filter(Boolean);

test("two things that are said at once are both heard, each for a while, with a gap before", () => {
  speaker.say("Bob joined");
  speaker.say("Cara joined");
  pass(100);
  assert.deepEqual(heard, ["", "Bob joined"]);
  pass(1_000);
  assert.deepEqual(heard, ["", "Bob joined", "", "Cara joined"]);
});

test("the same words twice are heard twice", () => {
  speaker.say("Muted");
  pass(2_000);
  speaker.say("Muted");
  pass(2_000);
  assert.deepEqual(heard, ["", "Muted", "", "Muted"]);
});

test("of a flood the newest are heard", () => {
  for (let i = 0; i < 50; i++) speaker.say(`${i}`);
  pass(10_000);
  assert.deepEqual(words(), ["0", "44", "45", "46", "47", "48", "49"]);
});
