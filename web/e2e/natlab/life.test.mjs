import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { LIMIT_MS, stats, until } from "../lib/call.mjs";
import { assertCall, assertFlows, assertNoStrangers, assertWay, watchFrames } from "./lib/proof.mjs";
import { World } from "./lib/world.mjs";

/** The part that `make test` runs; `make e2e` runs all. */
const CORE = process.env.NATLAB === "core";
const later = CORE ? test.skip : test;
const TIMEOUT = { timeout: 180_000 };
/** Without frames for longer than this a call has stopped: far from 67 ms, and well before anything would mend it. */
const STOPPED_MS = 2_000;
/** After a change of the network nobody waits longer than this for the next picture. */
const BACK_MS = 4_000;
/** Credentials short enough to run out in a call. */
const TTL_MS = 10_000;

let world;
before(async () => (world = await World.open()));
after(() => world?.close());
afterEach(async () => {
  for (const side of ["a", "b"]) {
    await world.lab.delay(side, 0);
    await world.lab.rate(side, 0);
  }
  await world.lab.shut([]);
});

const direct = (a, b) => a === "direct" && b === "direct";
const relayed = (a, b) => a !== "direct" && b !== "direct";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Frames come to both while `act` runs, from the same connection as before it. */
async function unbroken(pages, act) {
  const watches = await Promise.all(pages.map(watchFrames));
  await act();
  await pause(STOPPED_MS);
  const gaps = await Promise.all(watches.map((watch) => watch.longest()));
  assert.ok(Math.max(...gaps) < STOPPED_MS, `no frames for ${gaps} ms`);
  for (const page of pages) assert.equal(await page.evaluate(() => window.connections.length), 1);
}

/** Both come back to the server after `since`. */
const signalingReturns = (pages, since) => Promise.all(pages.map((page) =>
  until(`${page.called} reaches the server again`, async () => page.welcomes.some((at) => at > since))));

/** How long it takes until frames come to both again, after what `act` does to them. @returns {Promise<number>} ms */
async function outage(pages, act) {
  const watches = await Promise.all(pages.map(watchFrames));
  await act();
  await pause(STOPPED_MS);
  await assertFlows(...pages, { window: 1000 });
  return Math.max(...await Promise.all(watches.map((watch) => watch.longest())));
}

test("the network changes in mid-call: frames come back", TIMEOUT, (t) =>
  world.call(t, { a: "cone", b: "cone", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await assertWay(ann, bob, direct);
    const ms = await outage([ann, bob], () => world.move("a", "mobile"));
    t.diagnostic(`no frames for ${ms} ms`);
    assert.ok(ms <= BACK_MS, `no frames for ${ms} ms`);
    await assertWay(ann, bob, relayed);
    await assertCall(ann, bob);
    await assertNoStrangers(world.lab);
  }));

test("the WebSocket breaks: frames never stop", TIMEOUT, (t) =>
  world.call(t, { a: "cone", b: "cone", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await unbroken([ann, bob], async () => {
      const now = Date.now();
      await world.lab.breakTcp("a");
      await signalingReturns([ann], now);
    });
    await assertCall(ann, bob);
  }));

later("the server is killed and started again in a direct call: frames never stop", TIMEOUT, (t) =>
  world.call(t, { a: "cone", b: "cone", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await unbroken([ann, bob], async () => {
      await world.server.kill();
      await pause(STOPPED_MS);
      const now = Date.now();
      await world.server.start();
      await signalingReturns([ann, bob], now);
    });
    await assertCall(ann, bob);
  }));

test("the server is killed and started again in a relayed call: the call comes back", TIMEOUT, (t) =>
  world.call(t, { a: "symmetric", b: "symmetric", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    let started;
    await outage([ann, bob], async () => {
      await world.server.kill();
      started = Date.now();
      await world.server.start();
      await assertFlows(ann, bob, { window: 500 });
      t.diagnostic(`media after ${Date.now() - started} ms`);
    });
    await assertWay(ann, bob, relayed);
    await assertCall(ann, bob);
  }));

later("a NAT forgets its mappings: the relayed call comes back", TIMEOUT, (t) =>
  world.call(t, { a: "symmetric", b: "symmetric", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    t.diagnostic(`no frames for ${await outage([ann, bob], () => world.lab.forget())} ms`);
    await assertWay(ann, bob, relayed);
    await assertCall(ann, bob);
  }));

later("credentials run out in a relayed call, and then a NAT forgets its mappings: the call comes back", TIMEOUT, async (t) => {
  await world.server.anew({ relay: { credential_ttl: `${TTL_MS}ms` } });
  await world.call(t, { a: "symmetric", b: "symmetric", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await unbroken([ann, bob], () => pause(2 * TTL_MS));
    await outage([ann, bob], () => world.lab.forget());
    await assertWay(ann, bob, relayed);
  }).finally(() => world.server.anew({}));
});

later("5 % loss and 40 ms: the sound stays", TIMEOUT, (t) =>
  world.call(t, { a: "symmetric", b: "cone", loss: 5 }, async (ann, bob) => {
    await world.lab.delay("a", 20);
    await assertCall(ann, bob);
    await assertFlows(ann, bob, { window: 10_000, share: 0.85 });
    await assertNoStrangers(world.lab);
  }));

later("a line of 200 kbit/s: the sound stays", TIMEOUT, (t) =>
  world.call(t, { a: "cone", b: "cone" }, async (ann, bob) => {
    await assertCall(ann, bob);
    await world.lab.rate("a", 200);
    await until("the sender has noticed", async () => {
      const before = await stats(bob);
      await pause(5_000);
      const now = await stats(bob);
      return now.audioPackets - before.audioPackets >= 0.9 * 250;
    });
    await world.lab.rate("a", 0);
    await assertCall(ann, bob);
  }));

later("the server cannot be reached for 30 s: a direct call does not notice", TIMEOUT, (t) =>
  world.call(t, { a: "cone", b: "cone", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await unbroken([ann, bob], async () => {
      await world.lab.shut(["tcp dport { 443, 3478 }", "udp dport 3478"]);
      await ann.getByText("Your call goes on").waitFor({ timeout: LIMIT_MS });
      await pause(30_000);
      const now = Date.now();
      await world.lab.shut([]);
      await signalingReturns([ann, bob], now);
    });
    await ann.getByText("Your call goes on").waitFor({ state: "detached", timeout: LIMIT_MS });
    await assertCall(ann, bob);
  }));

later("the server cannot be reached for 30 s: a relayed call comes back", TIMEOUT, (t) =>
  world.call(t, { a: "symmetric", b: "symmetric", cut: true }, async (ann, bob) => {
    await assertCall(ann, bob);
    await outage([ann, bob], async () => {
      await world.lab.shut(["tcp dport { 443, 3478 }", "udp dport 3478"]);
      await pause(30_000);
      await world.lab.shut([]);
    });
    await assertCall(ann, bob);
  }));

test("the relay outlives a peer to which there is no way", TIMEOUT, async (t) => {
  // Private addresses allowed, and no default route: what is sent to the other's host candidate fails at once.
  await world.server.anew({ relay: { allowed_peers: ["198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8"] } });
  await world.lab.ip("server", "route del default");
  const refused = async () => Number((await world.lab.exec("server", ["sh", "-c", "awk '/^Ip: [0-9]/ {print $13}' /proc/net/snmp"])).trim());
  const before = await refused();
  await world.call(t, { a: "symmetric", b: "symmetric" }, async (ann, bob) => {
    await assertCall(ann, bob);
    await assertWay(ann, bob, relayed);
    assert.ok(await refused() > before, "nothing was sent to where there is no way");
    await assertFlows(ann, bob, { window: 5_000 });
  }).finally(async () => {
    await world.lab.ip("server", "route add default via 198.51.100.1");
    await world.server.anew({});
  });
});
