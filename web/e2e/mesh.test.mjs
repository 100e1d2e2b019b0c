import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { enter, LIMIT_MS, until } from "./lib/call.mjs";
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

const SMALL = { width: 320, height: 180, frameRate: 10 };

/** Bits a second that each live connection's camera may take. */
const caps = (page) => page.evaluate(() => window.connections
  .filter((pc) => pc.connectionState === "connected")
  .map((pc) => pc.getTransceivers()[1].sender.getParameters().encodings[0]?.maxBitrate ?? 0));

/** The tiles of others whose picture has moved within a second. */
const playing = (page) => page.evaluate(async () => {
  const videos = [...document.querySelectorAll("[data-peer] video")];
  const before = videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  await new Promise((done) => setTimeout(done, 1000));
  return videos.filter((video, i) => video.readyState >= 2 && video.getVideoPlaybackQuality().totalVideoFrames > before[i]).length;
});

test("six people see each other, and share their uplinks", { timeout: 300_000 }, async () => {
  const names = ["Ann", "Bob", "Cara", "Dan", "Eve", "Fay"];
  const pages = [];
  const url = `${server.url}/r/six`;
  for (const name of names) {
    const page = await person(browser, server.url, { camera: SMALL });
    pages.push(page);
    await enter(page, url, `${name} six`);
    if (pages.length === 2) await until("two have the whole uplink", async () => (await caps(pages[0])).join() === "1700000");
  }
  for (const page of pages) await until("five tiles play", async () => (await playing(page)) === 5, 2 * LIMIT_MS);
  for (const page of pages) {
    await until("each gets a fifth", async () => {
      const bits = await caps(page);
      return bits.length === 5 && bits.every((most) => most > 0 && most <= 200_000) && bits;
    });
  }
  // What nobody looks at is not sent: the sender hears of it from the page that shows less.
  const [ann, bob] = pages;
  const sending = () => bob.evaluate(() => window.connections.filter((pc) => pc.getTransceivers()[1].sender.getParameters().encodings[0]?.active === false).length);
  await ann.getByRole("button", { name: "Settings" }).click();
  await ann.getByLabel("Data use").selectOption({ label: "Sound only" });
  await until("Bob sends Ann no picture", async () => (await sending()) === 1);
  await ann.keyboard.press("Escape");
  assertNoFaults(...pages);
  await Promise.all(pages.map((page) => page.context().close()));
});

test("after twenty joins and leaves nothing is left open", { timeout: 240_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url, { camera: SMALL }), await person(browser, server.url, { camera: SMALL })];
  const url = `${server.url}/r/leak`;
  await enter(ann, url, "Ann leak");
  await enter(bob, url, "Bob leak");
  for (let i = 0; i < 20; i++) {
    if (i) {
      await bob.getByRole("button", { name: "Join again" }).click();
      await bob.getByRole("button", { name: "Join", exact: true }).click();
    }
    await ann.locator("[data-peer][data-phase=connected]").waitFor({ timeout: LIMIT_MS });
    await bob.locator("[data-peer][data-phase=connected]").waitFor({ timeout: LIMIT_MS });
    await bob.getByRole("button", { name: "Leave" }).click();
    await ann.locator("[data-peer]").waitFor({ state: "detached", timeout: LIMIT_MS });
  }
  const open = (page) => page.evaluate(() => ({
    made: window.connections.length,
    live: window.connections.filter((pc) => pc.connectionState !== "closed").length,
    tracks: window.captured.filter((track) => track.readyState === "live").length,
    media: [...document.querySelectorAll("video, audio")].filter((element) => element.srcObject).length,
  }));
  assert.deepEqual(await open(bob), { made: 20, live: 0, tracks: 0, media: 0 });
  await until("one waits for who comes next", async () => {
    const { made, live } = await open(ann);
    return made === 21 && live === 1;
  });
  assert.equal((await open(ann)).tracks, 2, "her own microphone and camera");
  await ann.getByRole("button", { name: "Leave" }).click();
  await ann.getByRole("heading", { name: "You have left the room" }).waitFor({ timeout: LIMIT_MS });
  assert.deepEqual(await open(ann), { made: 20, live: 0, tracks: 0, media: 0 });
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});
