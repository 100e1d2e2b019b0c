import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { assertPlaying, enter, LIMIT_MS, stats } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";

let browser, server;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the browser itself logs while there is no server to connect to. */
const unreachable = (fault) => /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/.test(fault);

test("a restarted server does not end a call, and a third person can join it", { timeout: 180_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url)];
  const url = `${server.url}/r/restart`;
  await enter(ann, url, "Ann");
  await enter(bob, url, "Bob");
  await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  const before = await Promise.all([stats(ann), stats(bob)]);
  await server.restart();
  assert.match(server.log, /Parley is ready[^]*Parley is ready/);
  for (const page of [ann, bob]) await page.getByText("Your call goes on").waitFor({ state: "detached", timeout: LIMIT_MS });
  const [a, b] = await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
  assert.ok(a.frames > before[0].frames && b.frames > before[1].frames);
  // The very connections of before: nothing was negotiated anew.
  for (const page of [ann, bob]) assert.equal(await page.evaluate(() => window.connections.length), 1);

  // Text goes on over the same connection too.
  for (const page of [ann, bob]) await page.getByRole("button", { name: /^Chat/ }).click();
  await ann.getByLabel("Write a message").fill("Still there?");
  await ann.keyboard.press("Enter");
  await bob.getByRole("log").getByText("Still there?").waitFor({ timeout: LIMIT_MS });

  const cara = await person(browser, server.url);
  await enter(cara, url, "Cara");
  await Promise.all([assertPlaying(cara, "Ann"), assertPlaying(cara, "Bob"), assertPlaying(ann, "Cara"), assertPlaying(bob, "Ann")]);
  for (const page of [ann, bob]) page.faults.splice(0, Infinity, ...page.faults.filter((fault) => !unreachable(fault)));
  assertNoFaults(ann, bob, cara);
  await Promise.all([ann, bob, cara].map((page) => page.context().close()));
});

test("a closed tab is gone for the others at once", { timeout: 120_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url)];
  const url = `${server.url}/r/closed`;
  await enter(ann, url, "Ann closed");
  await enter(bob, url, "Bob closed");
  await assertPlaying(ann, "Bob closed");
  await bob.close({ runBeforeUnload: true });
  await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: 5_000 });
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});

test("a tab that crashes is waited for, and gone once its time is over", { timeout: 120_000 }, async () => {
  const soon = await startServer({ signaling: { resume_window: "4s" } });
  const [ann, bob] = [await person(browser, soon.url), await person(browser, soon.url)];
  try {
    const url = `${soon.url}/r/crash`;
    await enter(ann, url, "Ann crash");
    await enter(bob, url, "Bob crash");
    await assertPlaying(ann, "Bob crash");
    await bob.goto("chrome://crash").catch(() => {}); // it cannot say goodbye
    await ann.getByLabel("Bob crash", { exact: true }).getByText("Reconnecting…").waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: 2 * LIMIT_MS });
    assertNoFaults(ann);
  } finally {
    await Promise.all([ann.context().close(), bob.context().close()]);
    await soon.stop();
  }
});

test("a reloaded tab comes back into the call", { timeout: 120_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url)];
  const url = `${server.url}/r/reload`;
  await enter(ann, url, "Ann reload");
  await enter(bob, url, "Bob reload");
  await assertPlaying(ann, "Bob reload");
  await bob.reload(); // no lobby: this tab was in the call a moment ago
  await Promise.all([assertPlaying(ann, "Bob reload"), assertPlaying(bob, "Ann reload")]);
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});
