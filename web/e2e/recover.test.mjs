import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, launchApart, person } from "./lib/browser.mjs";
import { assertPlaying, enter, until } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";

let browser, apart, server;
before(async () => {
  server = await startServer();
  browser = await launch();
  apart = await launchApart();
});
after(async () => {
  await apart?.close();
  await browser?.close();
  await server?.stop();
});

test("when packets stop the page says so, and the call comes back by itself", { timeout: 180_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(apart.browser, server.url)];
  const url = `${server.url}/r/stall`;
  await enter(ann, url, "Ann");
  await enter(bob, url, "Bob");
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  const phase = () => ann.evaluate(() => document.querySelector("[data-peer]")?.dataset.phase);

  const stopped = Date.now();
  apart.freeze();
  try {
    await until("the stall is noticed", async () => (await phase()) === "reconnecting");
    // Long before the browser's own "disconnected" and "failed".
    assert.equal(await ann.evaluate(() => window.connections.at(-1).connectionState), "connected", `after ${Date.now() - stopped} ms`);
    await ann.getByText("Reconnecting…").first().waitFor();
  } finally {
    apart.thaw();
  }
  await until("the call is back", async () => (await phase()) === "connected");
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});
