import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, launchApart, person } from "./lib/browser.mjs";
import { assertDirect, assertPlaying, enter, LIMIT_MS, until } from "./lib/call.mjs";
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

  // For so long that a new connection is tried through the relay: whose fault it is, is not known, and it does not stay there.
  apart.freeze();
  try {
    await ann.getByText("It may be their network or yours.").waitFor({ timeout: LIMIT_MS });
    await until("a new connection is tried", async () => (await phase()) === "failed");
  } finally {
    apart.thaw();
  }
  await until("the call is back again", async () => (await phase()) === "connected", 2 * LIMIT_MS);
  await until("directly", () => Promise.all([assertDirect(ann), assertDirect(bob)]).then(() => true, () => false), 2 * LIMIT_MS);
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});

/** Counts the tones of a page, and keeps what its live regions say. */
const listen = () => {
  window.tones = 0;
  const Native = window.OscillatorNode;
  window.OscillatorNode = class extends Native {
    constructor(...of) {
      super(...of);
      window.tones++;
    }
  };
  window.said = [];
  addEventListener("DOMContentLoaded", () => {
    for (const id of ["polite", "assertive"]) {
      const region = document.getElementById(id);
      new MutationObserver(() => region.textContent && window.said.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
};

test("a failure that lasts is heard, and after a minute this side tests itself and says whose side it is on", { timeout: 200_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url, { before: listen }), await person(apart.browser, server.url)];
  const url = `${server.url}/r/lasting`;
  await enter(ann, url, "Ann lasting");
  await enter(bob, url, "Bob lasting");
  await assertPlaying(ann, "Bob lasting");
  const tones = await ann.evaluate(() => window.tones);
  apart.freeze();
  try {
    await until("the tone", () => ann.evaluate((before) => window.tones > before, tones));
    await until("words", () => ann.evaluate(() => window.said.includes("The connection to Bob lasting is broken. Reconnecting…")));
    await ann.locator("[data-peer][data-phase=lost]").waitFor({ timeout: 90_000 });
    await ann.getByText("it is the other side’s network or device").waitFor({ timeout: 60_000 });
    for (const name of ["Retry now", "Leave"]) await ann.locator("[data-peer]").getByRole("button", { name }).waitFor();
    await ann.locator("[data-peer]").getByRole("link", { name: "Test my connection" }).waitFor();
  } finally {
    apart.thaw();
  }
  assertNoFaults(ann);
  await Promise.all([ann.context().close(), bob.context().close()]);
});
