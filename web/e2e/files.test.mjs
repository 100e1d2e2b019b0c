import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertNoFaults, launch } from "./lib/browser.mjs";
import { LIMIT_MS, until } from "./lib/call.mjs";
import { scratch } from "./lib/scratch.mjs";
import { startServer } from "./lib/server.mjs";
import { choose, connected, content, gather, goIn, joined, log, makeFile, openChat, row, say, state, take } from "./lib/talking.mjs";

/** What people do with text and files beside the plain way, and what goes wrong on it. */

const MIB = 1 << 20;
const where = {};
let dir;
before(async () => {
  dir = await scratch("files");
  where.server = await startServer();
  where.browser = await launch();
});
after(async () => {
  await where.browser?.close();
  await where.server?.stop();
  await rm(dir, { recursive: true, force: true });
});

const away = (...pages) => Promise.all(pages.map((page) => page.context().close()));
const dialog = (page) => page.getByRole("dialog");
const blob = (name, text) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });

/** Drops paths of this machine on the middle of the page, as a file manager does. */
async function drop(page, ...files) {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver"]) await cdp.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  await page.locator(".chat-drop").waitFor({ timeout: LIMIT_MS });
  await cdp.send("Input.dispatchDragEvent", { type: "drop", x: 300, y: 300, data });
}

/** Pastes into what has the focus. @param {{files?: string[], text?: Record<string, string>}} what  names, and words by type */
const paste = (page, what) => page.evaluate(({ files = [], text = {} }) => {
  const clipboardData = new DataTransfer();
  for (const name of files) clipboardData.items.add(new File(["picture"], name, { type: "image/png" }));
  for (const [type, words] of Object.entries(text)) clipboardData.setData(type, words);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}, what);

test("several files are taken at once, and come by button, drop, folder and paste", { timeout: 240_000 }, async () => {
  const [ann, bob] = await gather(where, "many", "Ann", "Bob");
  await connected(ann, "Bob many");
  await openChat(ann);
  const saved = new Map();
  bob.on("download", (download) => saved.set(download.suggestedFilename(), download));
  const came = (...names) => until(`${names} came`, () => names.every((name) => saved.has(name)));

  await choose(ann, [blob("empty.txt", ""), blob("a\u202etxt.exe", "x"), blob("two.bin", "two")]);
  await dialog(bob).getByRole("button", { name: "Take all 3" }).click({ timeout: LIMIT_MS });
  await came("empty.txt", "a_txt.exe", "two.bin");
  assert.equal(await content(saved.get("empty.txt")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  await until("Ann knows", async () => (await row(ann, "empty.txt").textContent()).includes("Bob many has it"));

  const file = await makeFile(dir, "dropped.bin", MIB);
  await drop(ann, file.path);
  await take(bob);
  await came("dropped.bin");
  assert.equal(await content(saved.get("dropped.bin")), file.sum);

  await mkdir(path.join(dir, "folder/inner"), { recursive: true });
  await writeFile(path.join(dir, "folder/one.txt"), "1");
  await writeFile(path.join(dir, "folder/inner/two.txt"), "2");
  await drop(ann, path.join(dir, "folder"));
  await dialog(bob).getByRole("button", { name: "Take all 2" }).click({ timeout: LIMIT_MS });
  await came("one.txt", "two.txt");

  await ann.getByLabel("Write a message").focus();
  await paste(ann, { files: ["table.png"], text: { "text/plain": "a cell", "text/html": "<b>a cell</b>" } });
  await paste(ann, { files: ["image.png"] });
  await take(bob);
  await came("image.png");
  assert.equal(await row(ann, "table.png").count(), 0, "words were meant");

  // One row after the other goes by keyboard, and the keyboard stays where they were.
  for (let left = await ann.locator(".file").count(); left > 0; left--) {
    await ann.getByRole("button", { name: /^Remove .* from the list/ }).first().press("Enter");
    await until("the row is gone", async () => (await ann.locator(".file").count()) === left - 1);
    await until("the focus is near", () => ann.evaluate(() => document.activeElement.closest(".chat") !== null));
  }
  assertNoFaults(ann, bob);
  await away(ann, bob);
});

test("a full disk and bytes that changed are told on both sides; nobody there, too", { timeout: 240_000 }, async () => {
  const [ann, bob] = await gather(where, "broken", "Ann", "Bob");
  await connected(ann, "Bob broken");
  await openChat(ann);
  const cdp = await bob.context().newCDPSession(bob);
  const quota = (bytes) => cdp.send("Storage.overrideQuotaForOrigin", { origin: where.server.url, ...(bytes && { quotaSize: bytes }) });
  const words = async (name, here, there) => {
    for (const page of [ann, bob]) await until(`${name} failed`, async () => (await state(page, name)) === "failed");
    assert.match(await row(ann, name).textContent(), here);
    assert.match(await row(bob, name).textContent(), there);
  };

  const full = await makeFile(dir, "full.bin", 40 * MIB);
  await quota(20 * MIB);
  await choose(ann, full.path);
  await take(bob);
  await words("full.bin", /Bob broken does not have enough space/, /There is not enough space/);
  await quota();

  await ann.evaluate(() => {
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (data) {
      if (data.byteLength > 1000) new Uint8Array(data)[500] ^= 1;
      send.call(this, data);
    };
  });
  await choose(ann, [blob("changed.bin", "x".repeat(5000))]);
  await take(bob);
  await words("changed.bin", /did not arrive as it was sent/, /not what was sent/);

  await bob.getByRole("button", { name: "Leave" }).click();
  await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: LIMIT_MS });
  await drop(ann, full.path);
  await ann.locator(".toast").getByText("Nobody is here to send files to").waitFor({ timeout: LIMIT_MS });
  assertNoFaults(ann, bob);
  await away(ann, bob);
});

test("long lines, other scripts, and one person in two tabs", { timeout: 180_000 }, async () => {
  const ann = await joined(where, "tabs", "Ann");
  const second = await ann.context().newPage();
  await second.goto(`${where.server.url}/r/tabs`);
  await goIn(second);
  const bob = await joined(where, "tabs", "Bob");
  await until("Bob sees both", async () => (await bob.locator('.tile[aria-label="Ann tabs"][data-phase=connected]').count()) === 2);
  for (const page of [ann, second, bob]) await openChat(page);
  await say(ann, "from the first");
  await say(second, "from the second");
  await until("Bob has both", async () => (await log(bob)).length === 2);
  await until("and they each other's", async () => (await log(ann)).length === 2 && (await log(second)).length === 2);
  assert.deepEqual(await ann.locator(".chat-mine .chat-text").allTextContents(), ["from the first"]);
  assert.deepEqual(await second.locator(".chat-mine .chat-text").allTextContents(), ["from the second"]);

  await say(bob, "مرحبا بالعالم https://h.example/a?b=c تجربة");
  await until("Ann has it", async () => (await log(ann)).length === 3);
  const text = ann.locator(".chat-text").last();
  assert.equal(await text.evaluate((el) => getComputedStyle(el).direction), "rtl");
  assert.equal(await text.locator("a").evaluate((el) => getComputedStyle(el).direction), "ltr");

  await bob.getByLabel("Write a message").focus();
  await bob.keyboard.insertText("x".repeat(4100));
  await bob.getByText("A message takes 4,000 characters at most").waitFor();
  await bob.keyboard.press("Enter");
  await until("Ann has all of it", async () => (await log(ann)).at(-1).length === 4000);
  await bob.setViewportSize({ width: 320, height: 640 });
  const wide = await bob.evaluate(() => [document.documentElement.scrollWidth, document.querySelector(".chat-log").scrollWidth - document.querySelector(".chat-log").clientWidth]);
  assert.deepEqual(wide, [320, 0]);
  assertNoFaults(ann, bob);
  await away(ann, bob);
});
