import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { assertPlaying, assertRelayed, enter, stats } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";

/** Well past three lives of the credential. (That a Refresh needs none that lives is tested without a browser.) */
const CALL_MS = 50_000;
const TTL = "15s";
const LOOK_EVERY_MS = 5_000;

let browser, server;
before(async () => {
  server = await startServer({ relay: { credential_ttl: TTL } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a relayed call outlives the credential it began with", { timeout: 300_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url, { transport: "udp" }), await person(browser, server.url, { transport: "udp" })];
  const url = `${server.url}/r/expiry`;
  await enter(ann, url, "Ann", { hideIp: true });
  await enter(bob, url, "Bob", { hideIp: true });
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  const start = Date.now();
  let last = await Promise.all([stats(ann), stats(bob)]);
  while (Date.now() - start < CALL_MS) {
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
    const now = await Promise.all([stats(ann), stats(bob)]);
    now.forEach((s, i) => {
      const when = `${Math.round((Date.now() - start) / 1000)} s into the call`;
      assert.equal(s.state, "connected", when);
      assert.ok(s.frames - last[i].frames >= LOOK_EVERY_MS / 1000, `${when}: ${s.frames - last[i].frames} frames in ${LOOK_EVERY_MS} ms`);
    });
    last = now;
  }
  await Promise.all([assertRelayed(ann, "udp"), assertRelayed(bob, "udp")]);
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  assert.equal(await ann.evaluate(() => window.connections.length), 1);
  assertNoFaults(ann, bob);
});
