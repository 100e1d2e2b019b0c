import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { AXE } from "./lib/axe.mjs";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { assertPlaying, enter, signIn } from "./lib/call.mjs";
import { inspect, OUT } from "./lib/look.mjs";
import { startServer } from "./lib/server.mjs";

let browser, server;
before(async () => {
  await mkdir(OUT, { recursive: true });
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const theme of ["light", "dark"]) {
  for (const [size, settings] of Object.entries(SIZES)) {
    test(`every page, ${theme}, ${size}`, { timeout: 180_000 }, async () => {
      const look = `${theme}-${size}`;
      const ann = await person(browser, server.url, { context: { ...settings, colorScheme: theme } });
      await ann.context().addInitScript(AXE);
      await ann.goto(server.url);
      await ann.getByLabel("Your name").waitFor();
      await inspect(ann, "signin", look);
      await signIn(ann, server.url, `Ann ${look}`);
      await ann.getByRole("heading", { name: "People online" }).waitFor();
      await inspect(ann, "home", look);
      await ann.goto(`${server.url}/about`);
      await ann.getByRole("heading", { level: 1 }).waitFor();
      await inspect(ann, "about", look);

      const url = `${server.url}/r/calm-otter-${look}`;
      await ann.goto(url);
      const open = ann.getByRole("button", { name: "Turn on camera and microphone" });
      const join = ann.getByRole("button", { name: "Join", exact: true });
      await open.or(join).first().waitFor();
      if (await open.isVisible()) await open.click();
      await join.waitFor();
      await ann.waitForTimeout(1000); // the fake camera's first picture is black
      await inspect(ann, "lobby", look);
      await join.click();
      await ann.getByRole("heading", { name: "You are the only one here" }).waitFor();
      await inspect(ann, "alone", look);

      const bob = await person(browser, server.url);
      await enter(bob, url, `Bob ${look}`);
      await assertPlaying(ann, `Bob ${look}`);
      await ann.getByRole("button", { name: /Direct/ }).waitFor();
      await inspect(ann, "call", look);
      const more = ann.getByRole("button", { name: "More", exact: true });
      await more.click();
      await inspect(ann, "more", look);
      await ann.keyboard.press("Escape");
      await ann.getByRole("button", { name: `More about Bob ${look}` }).click({ force: true });
      await inspect(ann, "tile-menu", look);
      await ann.getByRole("menuitem", { name: "Verify" }).click();
      await inspect(ann, "safety", look);
      await ann.keyboard.press("Escape");
      await ann.getByRole("button", { name: /Direct/ }).click();
      await inspect(ann, "connection", look);
      await ann.keyboard.press("Escape");
      await bob.getByRole("button", { name: "Share screen" }).click();
      await ann.locator("[data-screen] video").waitFor();
      await ann.waitForTimeout(1500); // until the first sharp picture
      await inspect(ann, "screen", look);
      await bob.getByRole("button", { name: "Stop sharing" }).click();
      // A narrow bar has it in its menu.
      if (size === "phone") await more.click();
      await ann.getByRole(size === "phone" ? "menuitem" : "button", { name: "Settings" }).click();
      await inspect(ann, "settings", look);
      await ann.keyboard.press("Escape");
      await ann.getByRole("button", { name: "Leave" }).click();
      await ann.getByRole("heading", { name: "You have left the room" }).waitFor();
      await inspect(ann, "summary", look);
      assertNoFaults(ann, bob);
      await Promise.all([ann.context().close(), bob.context().close()]);
    });
  }
}

test("the call is usable by keyboard alone", { timeout: 120_000 }, async () => {
  const ann = await person(browser, server.url);
  await ann.goto(`${server.url}/r/keys`);
  await ann.getByLabel("Your name").waitFor();
  await ann.keyboard.type("Ann keys");
  await ann.keyboard.press("Enter");
  const join = ann.getByRole("button", { name: /^Join/ }).last();
  await join.waitFor();
  await join.focus();
  await ann.keyboard.press("Enter");
  await ann.getByRole("toolbar").waitFor();

  const focused = () => ann.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim());
  // One tab stop for the bar, arrows inside, around the ends.
  await ann.getByRole("button", { name: "Microphone" }).focus();
  await ann.keyboard.press("ArrowRight");
  assert.equal(await focused(), "Camera");
  await ann.keyboard.press("End");
  assert.equal(await focused(), "Leave");
  await ann.keyboard.press("ArrowRight");
  assert.equal(await focused(), "Microphone");
  const mic = ann.getByRole("button", { name: "Microphone" });
  const was = await mic.getAttribute("aria-pressed");
  await ann.keyboard.press("Control+d");
  await ann.waitForFunction((before) => document.querySelector("[data-device=mic]").getAttribute("aria-pressed") !== before, was);

  // A dialog gives the focus back to its opener.
  await ann.getByRole("button", { name: "Settings" }).focus();
  await ann.keyboard.press("Enter");
  await ann.getByRole("dialog").waitFor();
  await ann.keyboard.press("Escape");
  await ann.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(), "Settings");

  // Text: by its key, and back to where one was.
  await ann.keyboard.press("c");
  await ann.locator(".chat textarea:focus").waitFor();
  await ann.keyboard.type("Hello, c and m are letters here");
  await ann.keyboard.press("Enter");
  await ann.getByRole("log").getByText("Hello, c and m are letters here").waitFor();
  await ann.keyboard.press("Escape");
  await ann.locator(".chat").waitFor({ state: "detached" });
  assert.equal(await focused(), "Settings");
  assertNoFaults(ann);
  await ann.context().close();
});
