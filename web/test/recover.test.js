import assert from "node:assert/strict";
import { test } from "node:test";
import { Watchdog } from "../static/js/rtc/recover.js";

/** Looks every 500 ms from `from` to `to` with the same count; gives the steps with their times. */
function silence(dog, from, to, count) {
  const steps = [];
  for (let at = from; at <= to; at += 500) for (const step of dog.look(at, count)) steps.push([at, step]);
  return steps;
}

test("packets that stop climb the ladder, each rung once", () => {
  const dog = new Watchdog(0);
  assert.deepEqual(dog.look(100, 5), ["alive"]);
  assert.deepEqual(dog.look(600, 9), []);
  assert.deepEqual(silence(dog, 1100, 25_000, 9), [
    [1600, "probe"], [2600, "stalled"], [3100, "restart"], [8600, "refresh"], [20_600, "rebuild"],
  ]);
});

test("when packets come back it says so, and starts over", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  silence(dog, 500, 3000, 5);
  assert.deepEqual(dog.look(3500, 6), ["alive"]);
  assert.deepEqual(silence(dog, 4000, 6000, 6), [[4500, "probe"], [5500, "stalled"], [6000, "restart"]]);
});

test("a short pause is not worth a word", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  dog.look(500, 5);
  assert.deepEqual(dog.look(1000, 5), ["probe"]);
  assert.deepEqual(dog.look(1500, 6), []);
});

test("while the first connection is made only the late rungs count, then every 15 s", () => {
  const dog = new Watchdog(0);
  assert.deepEqual(silence(dog, 500, 51_000, 0), [[8000, "refresh"], [20_000, "rebuild"], [35_000, "rebuild"], [50_000, "rebuild"]]);
});

test("a new connection that counts from zero is no sign of life", () => {
  const dog = new Watchdog(0);
  dog.look(0, 500);
  silence(dog, 500, 20_500, 500);
  assert.deepEqual(dog.look(21_000, 0), []);
  assert.deepEqual(dog.look(21_500, 3), ["alive"]);
});

test("after a sleep it waits a moment before it acts", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  assert.deepEqual(dog.look(3_600_000, 5), ["probe"]);
  assert.deepEqual(silence(dog, 3_600_500, 3_602_000, 5), [[3_601_500, "stalled"], [3_602_000, "restart"]]);
});

test("a failure that the browser reports is acted on once", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  assert.deepEqual(dog.failed(), ["restart"]);
  assert.deepEqual(dog.failed(), []);
  assert.deepEqual(silence(dog, 500, 5000, 5), []);
});

test("after a change of the network, packets that came before it buy no time, and later ones do", () => {
  const dog = new Watchdog(0);
  dog.look(500, 5);
  dog.hurry(900);
  dog.look(1000, 9);
  assert.deepEqual(dog.look(2200, 9), ["probe", "stalled", "restart"]);
  assert.deepEqual(dog.look(2700, 9), ["renew"]);
  const live = new Watchdog(0);
  live.look(500, 5);
  live.hurry(900);
  live.look(1000, 9);
  live.look(1500, 12);
  assert.deepEqual(live.look(2200, 12), []);
});

test("a link that was silent before the socket proved dead is made anew at once, one that was not has its time", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  silence(dog, 500, 2_500, 5);
  dog.replaced(2_600);
  assert.deepEqual(dog.look(2_600, 5), ["renew"]);
  const late = new Watchdog(0);
  late.look(0, 5);
  silence(late, 500, 3_500, 5);
  late.replaced(3_600);
  assert.deepEqual(late.look(3_600, 5), ["renew"]);
  late.replaced(4_000);
  assert.deepEqual(late.look(4_100, 5), []);
  const live = new Watchdog(0);
  live.look(0, 5);
  live.look(500, 5);
  live.replaced(1_500);
  assert.deepEqual(live.look(1_500, 5), ["probe"]);
  assert.deepEqual(silence(live, 2_000, 3_000, 5), [[2_000, "stalled"], [2_500, "restart"], [3_000, "renew"]]);
});

test("what comes after the change ends the haste, also on the ladder", () => {
  const dog = new Watchdog(0);
  dog.look(0, 5);
  dog.hurry(100);
  silence(dog, 500, 1_000, 5);
  assert.deepEqual(dog.look(1_200, 6), ["alive"]);
  assert.deepEqual(silence(dog, 1_500, 8_000, 6), [[2_000, "probe"], [3_500, "stalled"], [4_000, "restart"]]);
});
