import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, SIZES } from "./lib/browser.mjs";
import { LIMIT_MS, until } from "./lib/call.mjs";
import { scratch } from "./lib/scratch.mjs";
import { startServer } from "./lib/server.mjs";
import { choose, connected, content, gather, joined, log, makeFile, openChat, reached, say, state, take } from "./lib/talking.mjs";

const MIB = 1 << 20;
let browser, server, dir;
before(async () => {
  dir = await scratch("files");
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Cuts every link of a page as a lost network does, and lets them find back. */
const rebuild = (page) => page.evaluate(() => {
  for (const pc of window.connections) if (pc.connectionState !== "closed") pc.close();
});

/** Runs in the page: how far a file is. */
const percent = (name) => document.querySelector(`[data-name="${name}"] progress`)?.value ?? -1;

test("text and a file of 50 MB cross a link that breaks at 40 %, each once, and who comes late is told", { timeout: 300_000 }, async () => {
  const file = await makeFile(dir, "big.bin", 50 * MIB);
  const [ann, bob] = await gather({ browser, server }, "talk", "Ann", "Bob");
  await connected(ann, "Bob talk");
  await openChat(ann);
  await say(ann, "Hello https://h.example/x?y <b>all</b>");
  await until("Bob has one unread message", async () => (await bob.getByRole("button", { name: /^Chat/ }).textContent()).includes("1"));
  await openChat(bob);
  assert.deepEqual(await log(bob), ["Hello https://h.example/x?y <b>all</b>"]);
  const link = bob.locator(".chat-text a");
  assert.equal(await link.getAttribute("href"), "https://h.example/x?y");
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
  await say(bob, "Hi");
  await until("Ann has the answer", async () => (await log(ann)).length === 2);

  await choose(ann, file.path);
  assert.match(await bob.getByRole("dialog").textContent({ timeout: LIMIT_MS }), /from Ann talk · 52\.4 MB/);
  const download = bob.waitForEvent("download", { timeout: 180_000 });
  await take(bob);
  await reached(bob, "big.bin", 40);
  // Ann's end of the link dies. What she writes meanwhile waits, and arrives once.
  await rebuild(ann);
  const broke = await bob.evaluate(percent, "big.bin");
  assert.ok(broke >= 40 && broke < 100, `it broke at ${broke} %`);
  await bob.evaluate((name) => {
    const bar = document.querySelector(`[data-name="${name}"] progress`);
    window.least = 100;
    new MutationObserver(() => (window.least = Math.min(window.least, bar.value))).observe(bar, { attributes: true });
  }, "big.bin");
  await say(ann, "one");
  await say(ann, "two");
  await ann.getByText("Not delivered yet").first().waitFor();
  await until("what was written meanwhile arrives", async () => (await log(bob)).length === 4, 90_000);
  assert.deepEqual((await log(bob)).slice(1), ["Hi", "one", "two"]);
  await until("Ann knows", async () => (await ann.getByText("Not delivered yet").count()) === 0);
  assert.equal(await content(await download), file.sum);
  await until("Ann knows that too", async () => (await state(ann, "big.bin")) === "done");
  const least = await bob.evaluate(() => window.least);
  assert.ok(least >= 40, `it fell back to ${least} %`);

  const cara = await joined({ browser, server }, "talk", "Cara");
  await openChat(cara);
  await until("Cara is told", async () => (await log(cara)).length === 4);
  assert.deepEqual(await log(cara), await log(ann));
  await say(cara, "thanks");
  await Promise.all([ann, bob].map((page) => until("Cara is heard", async () => (await log(page)).at(-1) === "thanks")));
  // By keyboard: closed by Escape, and the focus is back at the button.
  await cara.getByLabel("Write a message").focus();
  await cara.keyboard.press("Escape");
  await until("the focus is back", () => cara.evaluate(() => document.activeElement?.textContent?.includes("Chat") === true));
  assertNoFaults(ann, bob, cara);
  await Promise.all([ann, bob, cara].map((page) => page.context().close()));
});

test("a reload of either side does not start the file over", { timeout: 300_000 }, async () => {
  const file = await makeFile(dir, "again.bin", 64 * MIB);
  const [ann, bob] = await gather({ browser, server }, "again", "Ann", "Bob");
  await connected(ann, "Bob again");
  await openChat(ann);
  await choose(ann, file.path);
  await take(bob);
  await reached(ann, "again.bin", 40, "Pause again.bin"); // there has to be something left when they reload
  for (const page of [ann, bob]) page.on("dialog", (dialog) => dialog.accept());
  const download = bob.waitForEvent("download", { timeout: 180_000 });
  await bob.reload();
  await bob.getByRole("toolbar").waitFor({ timeout: LIMIT_MS }); // no lobby: this tab was in the call a moment ago
  await openChat(bob);
  await reached(bob, "again.bin", 20); // what is stored in whole pieces; what was on its way is lost

  await ann.reload();
  await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  await openChat(ann);
  await ann.getByText("Choose the file again to go on").waitFor({ timeout: LIMIT_MS });
  await ann.getByLabel("Choose again.bin again").setInputFiles(file.path);
  assert.equal(await content(await download), file.sum);
  assertNoFaults(ann, bob);
  await Promise.all([ann, bob].map((page) => page.context().close()));
});

test("a phone without storage takes a small file; decline and cancel are heard", { timeout: 240_000 }, async () => {
  const small = await makeFile(dir, "small.bin", 3 * MIB);
  const long = await makeFile(dir, "long.bin", 40 * MIB);
  const [ann, bob] = await Promise.all([joined({ browser, server }, "small", "Ann"), joined({ browser, server }, "small", "Bob", { ram: true, context: SIZES.phone })]);
  await connected(ann, "Bob small");
  await openChat(ann);
  await choose(ann, small.path);
  const saved = bob.waitForEvent("download", { timeout: 180_000 });
  await take(bob);
  const download = await saved;
  assert.equal(download.suggestedFilename(), "small.bin");
  assert.equal(await content(download), small.sum);

  await choose(ann, long.path);
  await bob.getByRole("dialog").getByRole("button", { name: "Decline" }).click({ timeout: LIMIT_MS });
  await until("Ann hears the no", async () => (await state(ann, "long.bin")) === "declined");
  await ann.getByRole("button", { name: "Remove long.bin from the list" }).click();
  await choose(ann, long.path);
  await take(bob);
  await reached(bob, "long.bin", 5, "Cancel long.bin");
  await until("Ann hears the end", async () => (await state(ann, "long.bin")) === "cancelled");
  assertNoFaults(ann, bob);
  await Promise.all([ann, bob].map((page) => page.context().close()));
});
