import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { AXE, violations } from "./lib/axe.mjs";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { enter, LIMIT_MS, until } from "./lib/call.mjs";
import { scratch } from "./lib/scratch.mjs";
import { startServer } from "./lib/server.mjs";

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

const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A file of that many bytes, which no packer makes smaller. */
async function makeFile(name, size) {
  const bytes = randomBytes(size);
  await writeFile(path.join(dir, name), bytes);
  return { path: path.join(dir, name), sum: sum(bytes) };
}

/** Without the question where to save, which nobody can answer here; `ram`: without private storage too. */
const places = ({ ram }) => {
  delete window.showSaveFilePicker;
  if (ram) delete window.FileSystemFileHandle.prototype.createWritable;
  window.slow = 0;
  const { send } = RTCDataChannel.prototype;
  // A link that can be made as slow as a test needs it.
  RTCDataChannel.prototype.send = function (data) {
    if (window.slow && this.label === "bulk") {
      const end = performance.now() + window.slow;
      while (performance.now() < end);
    }
    return send.call(this, data);
  };
};

async function joined(room, name, { ram = false, context } = {}) {
  const page = await person(browser, server.url, { noDevices: true, context });
  await page.context().addInitScript(places, { ram });
  await page.context().addInitScript(AXE);
  await page.goto(`${server.url}/r/${room}`);
  await page.getByLabel("Your name").fill(`${name} ${room}`); // a guest's name is held for a while after its owner has gone
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: /^Join/ }).last().click({ timeout: LIMIT_MS });
  await page.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  return page;
}

const openChat = async (page) => {
  await page.getByRole("button", { name: /^Chat/ }).click();
  await page.getByLabel("Write a message").waitFor();
};
const say = async (page, text) => {
  await page.getByLabel("Write a message").fill(text);
  await page.keyboard.press("Enter");
};
const log = (page) => page.locator(".chat-text").allTextContents();
const connected = (page, name) => page.locator(`.tile[aria-label="${name}"][data-phase=connected]`).waitFor({ timeout: LIMIT_MS });

/** Cuts every link of a page as a lost network does, and lets them find back. */
const rebuild = (page) => page.evaluate(() => {
  for (const pc of window.connections) if (pc.connectionState !== "closed") pc.close();
});

test("chat reaches everybody once, survives a lost link, and is told to who comes late", { timeout: 240_000 }, async () => {
  const [ann, bob] = [await joined("talk", "Ann"), await joined("talk", "Bob")];
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

  // Ann's end of the link dies. What she writes meanwhile waits, and arrives once.
  await rebuild(ann);
  await say(ann, "one");
  await say(ann, "two");
  await ann.getByText("Not delivered yet").first().waitFor();
  await until("what was written meanwhile arrives", async () => (await log(bob)).length === 4, 90_000);
  assert.deepEqual((await log(bob)).slice(1), ["Hi", "one", "two"]);
  await until("Ann knows", async () => (await ann.getByText("Not delivered yet").count()) === 0);

  const cara = await joined("talk", "Cara");
  await openChat(cara);
  await until("Cara is told", async () => (await log(cara)).length === 4);
  assert.deepEqual(await log(cara), await log(ann));
  await say(cara, "thanks");
  await Promise.all([ann, bob].map((page) => until("Cara is heard", async () => (await log(page)).at(-1) === "thanks")));
  assert.deepEqual(await violations(cara), []);

  // By keyboard: closed by Escape, and the focus is back at the button.
  await cara.getByLabel("Write a message").focus();
  await cara.keyboard.press("Escape");
  await until("the focus is back", () => cara.evaluate(() => document.activeElement?.textContent?.includes("Chat") === true));
  assertNoFaults(ann, bob, cara);
  await Promise.all([ann, bob, cara].map((page) => page.context().close()));
});

/** Chooses a file on one side and takes it on the other. @returns what lands in the downloads */
async function take(to) {
  const download = to.waitForEvent("download", { timeout: 180_000 });
  await to.getByRole("dialog").getByRole("button", { name: "Take it" }).click({ timeout: LIMIT_MS });
  return download;
}
const percent = (page, name) => page.evaluate((file) => document.querySelector(`[data-name="${file}"] progress`)?.value ?? -1, name);
const state = (page, name) => page.locator(`[data-name="${name}"]`).getAttribute("data-state");

test("50 MB arrive as they were, over a link that breaks at 40 %", { timeout: 300_000 }, async () => {
  const file = await makeFile("big.bin", 50 * MIB);
  const [ann, bob] = [await joined("big", "Ann"), await joined("big", "Bob")];
  await connected(ann, "Bob big");
  await openChat(ann);
  await ann.evaluate(() => (window.slow = 40));
  await ann.getByLabel("Send files").first().setInputFiles(file.path);
  const dialog = bob.getByRole("dialog");
  await dialog.getByText("big.bin").waitFor({ timeout: LIMIT_MS });
  assert.match(await dialog.textContent(), /from Ann big · 52\.4 MB/);
  assert.deepEqual(await violations(bob), []);
  const download = take(bob);
  await until("40 % are there", async () => (await percent(bob, "big.bin")) >= 40, 120_000);
  await bob.evaluate(() => (window.before = document.querySelector('[data-name="big.bin"] progress').value));
  assert.ok((await percent(bob, "big.bin")) < 95);
  await rebuild(ann);
  await ann.evaluate(() => (window.slow = 0));
  let least = 100;
  await until("it goes on", async () => {
    const now = await percent(bob, "big.bin");
    if (now >= 0) least = Math.min(least, now);
    return (await state(bob, "big.bin")) === "done";
  }, 150_000);
  assert.ok(least >= 40, `it fell back to ${least} %`);
  assert.equal(sum(await readFile(await (await download).path())), file.sum);
  await until("Ann knows", async () => (await state(ann, "big.bin")) === "done");
  assert.deepEqual(await violations(bob), []);
  assertNoFaults(ann, bob);
  await Promise.all([ann, bob].map((page) => page.context().close()));
});

test("a reload of either side does not start the file over", { timeout: 300_000 }, async () => {
  const file = await makeFile("again.bin", 40 * MIB);
  const [ann, bob] = [await joined("again", "Ann"), await joined("again", "Bob")];
  await connected(ann, "Bob again");
  await openChat(ann);
  await ann.evaluate(() => (window.slow = 60));
  await ann.getByLabel("Send files").first().setInputFiles(file.path);
  await bob.getByRole("dialog").getByRole("button", { name: "Take it" }).click({ timeout: LIMIT_MS });
  await until("half is there", async () => (await percent(bob, "again.bin")) >= 50, 120_000);
  await ann.evaluate(() => (window.slow = 200)); // there has to be something left when she reloads
  bob.on("dialog", (dialog) => dialog.accept());
  const download = bob.waitForEvent("download", { timeout: 180_000 });
  await bob.reload();
  await bob.getByRole("toolbar").waitFor({ timeout: LIMIT_MS }); // no lobby: this tab was in the call a moment ago
  await openChat(bob);
  await until("it goes on from a stored part", async () => (await percent(bob, "again.bin")) >= 40, 60_000);

  ann.on("dialog", (dialog) => dialog.accept());
  await ann.reload();
  await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  await openChat(ann);
  await ann.getByText("Choose the file again to go on").waitFor({ timeout: LIMIT_MS });
  await ann.getByLabel("Choose again.bin again").setInputFiles(file.path);
  assert.equal(sum(await readFile(await (await download).path())), file.sum);
  assertNoFaults(ann, bob);
  await Promise.all([ann, bob].map((page) => page.context().close()));
});

test("a phone without storage takes a small file; decline and cancel are heard", { timeout: 240_000 }, async () => {
  const file = await makeFile("small.bin", 3 * MIB);
  const long = await makeFile("long.bin", 40 * MIB);
  const ann = await joined("small", "Ann");
  const bob = await joined("small", "Bob", { ram: true, context: { ...SIZES.phone, colorScheme: "dark" } });
  await connected(ann, "Bob small");
  await openChat(ann);
  await ann.getByLabel("Send files").first().setInputFiles(file.path);
  const download = await take(bob);
  assert.equal(download.suggestedFilename(), "small.bin");
  assert.equal(sum(await readFile(await download.path())), file.sum);
  assert.deepEqual(await violations(bob), []);

  await ann.getByLabel("Send files").first().setInputFiles(long.path);
  await bob.getByRole("dialog").getByRole("button", { name: "Decline" }).click({ timeout: LIMIT_MS });
  await until("Ann hears the no", async () => (await state(ann, "long.bin")) === "declined");
  await ann.getByRole("button", { name: "Remove long.bin from the list" }).click();
  await ann.evaluate(() => (window.slow = 60));
  await ann.getByLabel("Send files").first().setInputFiles(long.path);
  await bob.getByRole("dialog").getByRole("button", { name: "Take it" }).click({ timeout: LIMIT_MS });
  await until("it moves", async () => (await percent(ann, "long.bin")) > 5, 60_000);
  await bob.getByRole("button", { name: "Cancel long.bin" }).click();
  await until("Ann hears the end", async () => (await state(ann, "long.bin")) === "cancelled");
  assertNoFaults(ann, bob);
  await Promise.all([ann, bob].map((page) => page.context().close()));
});
