import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { enter, LIMIT_MS, signIn } from "../lib/call.mjs";
import { SERVER } from "./lib/lab.mjs";
import { assertCall, assertFlows, assertWay } from "./lib/proof.mjs";
import { World } from "./lib/world.mjs";

/** The part that `make test` runs; `make e2e` runs all. */
const CORE = process.env.NATLAB === "core";
const later = CORE ? test.skip : test;
const TIMEOUT = { timeout: 240_000 };
/** Nobody waits longer than this in front of a call that does not come to stand without a word on why. */
const SAID_MS = 15_000;
/** All checks of /test, each with a limit of its own. */
const CHECKS_MS = 120_000;
/** By then every rung of the client's ladder has been tried, and the last one once more. */
const LADDER_MS = 90_000;
const CLOSED = ["tcp dport 3478", "udp dport 3478"];

let world;
before(async () => (world = await World.open()));
after(() => world?.close());
afterEach(() => world.lab.shut([]));

test("the relay's ports are closed: the page says so, and what to open", TIMEOUT, async (t) => {
  // As behind somebody else's web server: nothing of the relay on 443.
  await world.server.anew({ relay: { urls: ["udp", "tcp"].map((transport) => `turn:${SERVER}:3478?transport=${transport}`) } });
  await world.lab.shut(CLOSED);
  await world.two(t, { a: "symmetric", b: "symmetric" }, async (ann, bob) => {
    await enter(ann, ann.room, ann.called);
    await enter(bob, bob.room, bob.called);
    const start = Date.now();
    for (const page of [ann, bob]) {
      const why = page.getByRole("status").filter({ hasText: "The relay of this server cannot be reached from here" });
      await why.getByText("should open UDP 3478, TCP 3478 in its firewall").waitFor({ timeout: 2 * LIMIT_MS });
    }
    const ms = Date.now() - start;
    t.diagnostic(`said after ${ms} ms`);
    assert.ok(ms <= SAID_MS, `said after ${ms} ms`);
    // Opened, the call begins by itself, and the words go.
    await world.lab.shut([]);
    await assertFlows(ann, bob, { limit: LADDER_MS });
    if (!CORE) await assertCall(ann, bob);
    for (const page of [ann, bob]) await page.getByText("cannot be reached from here").waitFor({ state: "detached", timeout: LIMIT_MS });
  }).finally(() => world.server.anew({}));
});

later("the relay's own range is closed: two relays meet inside the server", TIMEOUT, async (t) => {
  await world.lab.shut(["udp dport 49152-65535"]);
  await world.call(t, { a: "udp-blocked", b: "443-only" }, async (ann, bob) => {
    await assertCall(ann, bob);
    await assertWay(ann, bob, (a, b) => a === "tcp" && b === "tls");
  });
});

/** What /test finds at a place: the outcome of each check of the network, and the words on each. */
async function found(t, place) {
  let rows;
  await world.two(t, { a: place, b: "cone" }, async (ann) => {
    await signIn(ann, `${ann.origin}/test`, ann.called);
    await ann.getByRole("button", { name: "Test again" }).waitFor({ timeout: CHECKS_MS });
    rows = await ann.evaluate(() => Object.fromEntries([...document.querySelectorAll("[data-check]")].map((row) => [row.dataset.check, [row.dataset.state, row.innerText]])));
    rows.summary = await ann.locator(".check-summary").innerText();
  });
  return rows;
}

later("/test behind a firewall for all but 443 names what is closed", TIMEOUT, async (t) => {
  const rows = await found(t, "443-only");
  assert.deepEqual(["stun", "turn-udp", "turn-tcp", "turn-tls"].map((check) => rows[check][0]), ["fail", "fail", "fail", "pass"]);
  assert.match(rows["turn-udp"][1], /open udp\/3478/);
  assert.match(rows["turn-tcp"][1], /open tcp\/3478/);
  assert.match(rows.summary, /UDP is blocked here\. Calls will work all the same/);
});

later("/test behind a symmetric NAT finds everything open, and the NAT hard", TIMEOUT, async (t) => {
  const rows = await found(t, "symmetric");
  assert.deepEqual(["signaling", "resume", "turn-udp", "turn-tcp", "turn-tls"].map((check) => rows[check][0]), Array(5).fill("pass"));
});

later("/test says per transport that the relay's ports are closed", TIMEOUT, async (t) => {
  await world.server.anew({ relay: { urls: [`stun:${SERVER}:3478`, ...["udp", "tcp"].map((transport) => `turn:${SERVER}:3478?transport=${transport}`)] } });
  await world.lab.shut(CLOSED);
  const rows = await found(t, "cone").finally(() => world.server.anew({}));
  assert.deepEqual(["stun", "turn-udp", "turn-tcp", "turn-tls"].map((check) => rows[check][0]), ["fail", "fail", "fail", "skipped"]);
  assert.match(rows["turn-udp"][1], /open udp\/3478/);
  assert.match(rows["turn-tcp"][1], /open tcp\/3478/);
  assert.match(rows.summary, /The relay does not work from here/);
});
