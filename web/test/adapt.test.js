import assert from "node:assert/strict";
import { test } from "node:test";
import { Adapter, CpuRule, LADDER, OFF, plan, screenTarget, split, stepFor } from "../static/js/rtc/adapt.js";
import { Senders } from "../static/js/rtc/senders.js";
import { EVERYTHING, readWant, wanted } from "../static/js/rtc/want.js";
import { settle } from "./fakes.js";

const FINE = { loss: 0, rtt: 30, limited: false };
const LOSSY = { ...FINE, loss: 0.2 };

/** Feeds the same signs once a second; gives the times, in seconds, at which the step changed. */
function run(adapter, from, to, signs) {
  const changes = [];
  let step = adapter.step;
  for (let s = from; s <= to; s++) {
    adapter.add(s * 1000, signs);
    if (adapter.step !== step) changes.push([s, (step = adapter.step)]);
  }
  return changes;
}

test("a tile gets the least rung that serves it", () => {
  assert.deepEqual([1080, 720, 600, 590, 380, 280, 190, 60].map(stepFor), [0, 0, 0, 1, 2, 3, 4, 4]);
});

test("an equal share of the uplink for each, by the number of people", () => {
  const everyone = (others) => plan(Array.from({ length: others }, () => ({ want: 1080, step: 0 })));
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => everyone(n)[0].bps), [1_700_000, 900_000, 500_000, 300_000, 200_000]);
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => everyone(n)[0].h), [720, 540, 360, 270, 180]);
});

test("who shows little leaves the rest to the others, and nobody gets more than is asked", () => {
  assert.deepEqual(split([120, 1700, 1700], 1500), [120, 690, 690]);
  assert.deepEqual(split([100, 200], 1500), [100, 200]);
  const [small, large, hidden] = plan([{ want: 180, step: 0 }, { want: 1080, step: 0 }, { want: 0, step: 0 }]);
  assert.deepEqual([small.h, small.bps, large.bps, hidden.active], [180, 120_000, 1_380_000, false]);
});

test("who allows no bits sends no picture", () => {
  assert.deepEqual(plan([{ want: 720, step: 0 }], { limit: 0 }), [{ active: false, h: 0, fps: 0, bps: 0 }]);
});

test("the person's limit, the estimate and the machine lower what is sent", () => {
  const one = (bounds) => plan([{ want: 1080, step: 0 }], bounds)[0];
  assert.deepEqual([one({ limit: 300_000 }).h, one({ limit: 300_000 }).bps], [270, 300_000]);
  assert.equal(one({ estimate: 800_000 }).bps, 600_000);
  assert.deepEqual([one({ cpu: 1 }).fps, one({ cpu: 1 }).h], [20, 720]);
  assert.deepEqual([one({ cpu: 4 }).fps, one({ cpu: 4 }).h], [12, 270]);
  assert.equal(plan([{ want: 1080, step: OFF }])[0].active, false);
});

test("trouble for four seconds takes a step down, a lone bad second none", () => {
  const adapter = new Adapter(0);
  assert.deepEqual(run(adapter, 0, 3, LOSSY), []);
  run(adapter, 4, 4, FINE);
  assert.deepEqual(run(adapter, 5, 14, LOSSY), [[9, 1], [14, 2]]);
});

test("a round trip that doubled counts only when it is long", () => {
  const adapter = new Adapter(0);
  run(adapter, 0, 5, { ...FINE, rtt: 50 });
  assert.deepEqual(run(adapter, 6, 20, { ...FINE, rtt: 390 }), []);
  assert.deepEqual(run(adapter, 21, 25, { ...FINE, rtt: 500 }), [[25, 1]]);
  const far = new Adapter(0);
  assert.deepEqual(run(far, 0, 60, { ...FINE, rtt: 600 }), []);
});

test("a young connection may be limited by the bandwidth: it is still finding out", () => {
  const adapter = new Adapter(0);
  assert.deepEqual(run(adapter, 0, 13, { ...FINE, limited: true }), [[13, 1]]);
});

test("ten quiet seconds take a step up; one that fails doubles the wait", () => {
  const adapter = new Adapter(0);
  assert.deepEqual(run(adapter, 0, 4, LOSSY), [[4, 1]]);
  assert.deepEqual(run(adapter, 5, 14, FINE), [[14, 0]]);
  assert.deepEqual(run(adapter, 15, 19, LOSSY), [[19, 1]]);
  assert.deepEqual(run(adapter, 20, 60, FINE), [[39, 0]]);
});

test("the last step is no picture at all, which is tried again every 15 s", () => {
  const adapter = new Adapter(0);
  assert.equal(run(adapter, 0, 24, LOSSY).at(-1)[1], OFF);
  assert.equal(adapter.step, LADDER.length);
  assert.deepEqual(run(adapter, 25, 45, LOSSY), [[39, 4], [44, OFF]]);
  assert.deepEqual(run(adapter, 46, 62, FINE), [[59, 4]]);
});

test("a slow machine gives up smoothness first, and comes back slowly", () => {
  const rule = new CpuRule();
  const levels = (from, to, limited) => Array.from({ length: to - from + 1 }, (_, i) => rule.add((from + i) * 1000, limited)).at(-1);
  assert.equal(levels(0, 4, true), 1);
  assert.equal(levels(5, 30, true), 4);
  assert.equal(levels(31, 50, false), 4);
  assert.equal(levels(51, 51, false), 3);
});

test("a shared screen is sharp first, and nothing where nobody looks", () => {
  const facts = { others: 1, want: 700, h: 1080, motion: false, step: 0 };
  assert.deepEqual(screenTarget(facts), { active: true, h: 1080, fps: 15, bps: 2_500_000 });
  assert.equal(screenTarget({ ...facts, want: 180 }).h, 180);
  assert.equal(screenTarget({ ...facts, motion: true }).fps, 30);
  assert.equal(screenTarget({ ...facts, others: 5 }).bps, 600_000);
  assert.deepEqual([screenTarget({ ...facts, step: 3 }).fps, screenTarget({ ...facts, want: 0 }).active], [5, false]);
});

test("what another client wants is judged, and what is not said is everything", () => {
  assert.deepEqual(readWant({ cam: { h: 333.4 }, screen: { h: -5 } }), { cam: 333, screen: 0 });
  assert.deepEqual(readWant({ cam: { h: "700" }, screen: 7 }), EVERYTHING);
  assert.deepEqual(readWant({ cam: { h: 1e12 }, screen: { h: NaN } }), { cam: 4320, screen: EVERYTHING.screen });
});

test("what is asked for follows what is shown and what the person allows", () => {
  assert.deepEqual(wanted({ cam: 401, screen: 900 }, "auto"), { cam: 420, screen: 900 });
  assert.deepEqual(wanted({ cam: 401, screen: 0 }, "low"), { cam: 180, screen: 0 });
  assert.deepEqual(wanted({ cam: 401, screen: 900 }, "audio"), { cam: 0, screen: 900 });
});

test("a sender has one transaction at a time, and the newest wish wins", async () => {
  const written = [];
  let open = 0;
  const sender = {
    getParameters: () => ({ encodings: [{}] }),
    async setParameters(parameters) {
      assert.equal(++open, 1);
      await settle();
      open--;
      written.push(parameters.encodings[0].maxBitrate);
      if (written.length === 1) throw new DOMException("", "InvalidStateError");
    },
  };
  const senders = new Senders();
  for (const maxBitrate of [1, 2, 3]) senders.set(sender, { active: true, maxBitrate, priority: "low" });
  for (let i = 0; i < 6; i++) await settle();
  assert.deepEqual(written, [1, 3]);
  senders.set(sender, { active: true, maxBitrate: 3, priority: "low" });
  await settle();
  assert.deepEqual(written, [1, 3]);
});

test("a picture that needs none before it is asked for once, of who sends one", async () => {
  const asked = [];
  let refuse = true;
  const sender = {
    track: {},
    getParameters: () => ({ encodings: [{}] }),
    async setParameters(_, options) {
      await settle();
      if (refuse && options) {
        refuse = false;
        throw new DOMException("", "InvalidStateError");
      }
      asked.push(options?.encodingOptions ?? null);
    },
  };
  const senders = new Senders();
  senders.renew(sender); // nothing was set yet: nothing is sent
  senders.set(sender, { active: true, maxBitrate: 1, priority: "low" });
  for (let i = 0; i < 3; i++) await settle();
  senders.renew(sender);
  for (let i = 0; i < 6; i++) await settle();
  senders.set(sender, { active: true, maxBitrate: 2, priority: "low" });
  for (let i = 0; i < 3; i++) await settle();
  senders.renew(Object.assign(sender, { track: null }));
  for (let i = 0; i < 3; i++) await settle();
  assert.deepEqual(asked, [null, [{ keyFrame: true }], null]);
});
