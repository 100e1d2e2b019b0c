import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { assertPlaying, LIMIT_MS, openDevices, signIn, until } from "./lib/call.mjs";
import { dress, everyLook } from "./lib/looks.mjs";
import { callButton, ringOf } from "./lib/people.mjs";
import { startServer } from "./lib/server.mjs";
import { reached } from "./lib/talking.mjs";

/**
 * Two people walk through every page and every state of it; each is looked at
 * in every language, theme and size before they go on.
 */
let browser, server, ann, bob;
before(async () => {
  server = await startServer();
  browser = await launch();
  // Little pictures that change little: the machine is to look at pages.
  const camera = { width: 320, height: 180, frameRate: 5 };
  const before = () => delete window.showSaveFilePicker; // a question that nobody can answer here
  [ann, bob] = await Promise.all([1, 2].map(() => person(browser, server.url, { camera, before })));
  await dress(ann);
  await dress(bob);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const button = (page, name, exact = false) => page.getByRole("button", { name, exact });
const heading = (page, name) => page.getByRole("heading", { name }).waitFor({ timeout: LIMIT_MS });
const goIn = (page) => button(page, /^Join/).last().click({ timeout: LIMIT_MS });
test("signing in, and pages for everybody", { timeout: 240_000 }, async () => {
  await ann.goto(server.url);
  await ann.getByLabel("Your name").waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "signin");
  await signIn(ann, server.url, "Ann");
  await heading(ann, "People online");
  await everyLook(ann, "home-alone");
  await everyLook(ann, "home-rooms", "door");
  await button(ann, /^Ann/).click();
  await ann.getByRole("dialog").waitFor();
  await everyLook(ann, "you");

  // The name is taken, so that the form has something to say.
  await bob.goto(`${server.url}/r/calm-otter`);
  await bob.getByLabel("Your name").fill("Ann");
  await button(bob, "Continue").click();
  await bob.getByText("“Ann” is taken").waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "signin-taken");
  bob.faults.splice(0); // the browser's own note about the refusal

  for (const [path, title] of [["about", "About Parley"], ["admin", "This page is for administrators"], ["u/Nobody", "Nobody"]]) {
    await ann.goto(`${server.url}/${path}`);
    await heading(ann, title);
    await everyLook(ann, path.replace("/", "-"));
  }
  await ann.evaluate(() => {
    history.pushState(null, "", "/r/");
    dispatchEvent(new PopStateEvent("popstate"));
  });
  await heading(ann, "There is no such page");
  await everyLook(ann, "nowhere");
  assertNoFaults(ann, bob);

  await bob.route("**/config", (route) => route.abort());
  await bob.reload();
  await heading(bob, "The server does not answer");
  bob.faults.splice(0);
  await everyLook(bob, "unreachable");
  await bob.unroute("**/config");
  assertNoFaults(bob);
});

test("calling and being called", { timeout: 180_000 }, async () => {
  await signIn(bob, server.url, "Bob");
  await ann.goto(server.url);
  await callButton(ann, "Bob").waitFor({ timeout: LIMIT_MS });
  await button(ann, "More for Bob").click();
  await everyLook(ann, "people-menu");
  await ann.keyboard.press("Escape");
  await ann.getByRole("searchbox").fill("Zoe");
  await everyLook(ann, "people-typed");
  await callButton(ann, "Zoe").click();
  await ann.getByText("Nobody here is called").waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "nobody");
  await ann.goto(server.url);
  await callButton(ann, "Bob").click();
  await ringOf(bob).waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "calling");
  await button(bob, "Decline with a message").click();
  await everyLook(bob, "ring-reply");
  await bob.getByRole("menuitem").first().click();
  await ann.getByText("declined").first().waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "declined");
  await button(ann, "Audio only").click();
  await ringOf(bob).waitFor({ timeout: LIMIT_MS });
  await button(ann, "Cancel").click();
  await bob.getByRole("region", { name: "Missed calls" }).waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "missed");
  assertNoFaults(ann, bob);
});

test("an open call", { timeout: 120_000 }, async () => {
  await Promise.all([ann, bob].map((page) => page.goto(server.url)));
  await everyLook(bob, "board-empty", "megaphone");
  await button(ann, "Open a call").click({ timeout: LIMIT_MS });
  await ann.getByLabel("What about?").fill("Help with maths");
  await everyLook(ann, "board-post");
  await button(ann, "Open the call").click();
  await heading(ann, "Help with maths");
  await everyLook(ann, "waiting");
  await button(bob, /^Answer Ann/).waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "board", "megaphone");
  await button(ann, "Take it down").click();
  assertNoFaults(ann, bob);
});

test("both sides of a room's door", { timeout: 180_000 }, async () => {
  const url = `${server.url}/r/calm-otter-k3x9`;
  await ann.goto(url);
  await button(ann, "Turn on camera and microphone").or(button(ann, "Join", true)).first().waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "lobby");
  await goIn(ann);
  await heading(ann, "You are the only one here");
  await everyLook(ann, "alone");
  await button(ann, "People").click();
  await ann.getByLabel("Lock the room").check();
  await ann.getByLabel("Password of the room").fill("sesame");
  await button(ann, "Save").last().click();
  await button(ann, "Remove").waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "room-panel");
  await ann.keyboard.press("Escape");
  await bob.goto(url);
  await goIn(bob);
  await bob.getByLabel("Password of the room").waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "password");
  await bob.getByLabel("Password of the room").fill("sesame");
  await button(bob, "Join").click();
  await button(bob, "Knock").waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "locked");
  await bob.getByLabel("A word to the host").fill("It is me");
  await button(bob, "Knock").click();
  await button(ann, "Let in").waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "knocking");
  await everyLook(ann, "knock");
  await button(ann, "Let in").click();
  await button(ann, /^People/).click();
  await button(ann, "Remove Bob from the room").waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "room-members");
  await button(ann, "Remove Bob from the room").click();
  await button(ann, "Really?").click();
  await heading(bob, "You were removed from this room");
  await everyLook(bob, "kicked");
  assertNoFaults(ann, bob);
});

test("a call", { timeout: 480_000 }, async () => {
  const url = `${server.url}/r/calm-otter`;
  for (const page of [ann, bob]) {
    await page.goto(url);
    await openDevices(page, button(page, "Join", true));
    if (page === ann) await everyLook(ann, "lobby-preview");
    await goIn(page);
  }
  await assertPlaying(ann, "Bob");
  await button(ann, /Direct/).waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "call");
  await button(ann, "More", true).click();
  await everyLook(ann, "more");
  await ann.keyboard.press("Escape");
  await button(ann, "More about Bob").click({ force: true });
  await everyLook(ann, "tile-menu");
  await ann.getByRole("menuitem", { name: "Verify" }).click();
  await everyLook(ann, "safety");
  await ann.keyboard.press("Escape");
  await button(ann, /Direct/).click();
  await everyLook(ann, "connection");
  await ann.keyboard.press("Escape");
  await button(ann, "Settings").click();
  await everyLook(ann, "settings");
  await ann.keyboard.press("Escape");
  await ann.locator("dialog").waitFor({ state: "detached" }); // keys go to it until then
  await ann.keyboard.press("?");
  await ann.getByRole("dialog").waitFor();
  await everyLook(ann, "keys");
  await ann.keyboard.press("Escape");
  await button(bob, "Share screen").click();
  await ann.locator("[data-screen] video").waitFor({ timeout: LIMIT_MS });
  await everyLook(ann, "screen");
  await everyLook(bob, "sharing");
  await button(bob, "Stop sharing").click();
  assertNoFaults(ann, bob);
});

test("text and files in a call, and its end", { timeout: 180_000 }, async () => {
  for (const page of [ann, bob]) await button(page, /^Chat/).click();
  for (const [page, text] of [[ann, "Hello https://h.example/a/rather/long/address?with=parameters"], [bob, "مرحبا"]]) {
    await page.getByLabel("Write a message").fill(text);
    await page.keyboard.press("Enter");
    await ann.getByRole("log").getByText(text.slice(0, 5)).waitFor({ timeout: LIMIT_MS });
  }
  const file = { name: "Ferienbilder-und-noch-viel-mehr-vom-letzten-Sommer.zip", mimeType: "application/zip", buffer: Buffer.alloc(40 << 20) };
  await ann.getByLabel("Send files").first().setInputFiles(file);
  await bob.getByRole("dialog").getByRole("button", { name: "Take it" }).waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "file-offer");
  await bob.getByRole("dialog").getByRole("button", { name: "Take it" }).click();
  await reached(ann, file.name, 1, "Pause");
  await everyLook(ann, "chat");
  await button(ann, "Leave").click();
  await heading(ann, "A file is still under way");
  await everyLook(ann, "leave");
  await button(ann, "Stay").click();
  await button(ann, /^Cancel/).click();
  await button(bob, /^Remove/).waitFor({ timeout: LIMIT_MS });
  await everyLook(bob, "chat-cancelled");
  await button(ann, "Leave").click();
  await heading(ann, "You have left the room");
  await everyLook(ann, "summary");
  assertNoFaults(ann, bob);
});

test("the call is usable by keyboard alone", { timeout: 120_000 }, async () => {
  const ann = await person(browser, server.url);
  await ann.goto(`${server.url}/r/keys`);
  await ann.locator("input:focus").waitFor();
  await ann.keyboard.type("Ann keys");
  await ann.keyboard.press("Enter");
  const join = ann.getByRole("button", { name: /^Join/ }).last();
  await join.waitFor();
  await ann.locator("h1:focus").waitFor(); // a page that comes takes the focus once
  await join.focus();
  await ann.keyboard.press("Enter");
  await ann.getByRole("toolbar").waitFor();
  await ann.locator("h1:focus").waitFor();

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

  // A button that changes its looks keeps the focus, and the bar its one tab stop, also in another language.
  const share = ann.getByRole("button", { name: "Share screen" });
  for (const on of ["true", "false"]) {
    await share.press("Enter");
    await ann.locator(`[aria-pressed=${on}]`, { hasText: "Share screen" }).waitFor();
    assert.equal(await focused(), "Share screen");
  }
  for (const lang of ["de", "en"]) {
    await ann.evaluate((wanted) => {
      Object.defineProperty(navigator, "languages", { value: [wanted], configurable: true });
      dispatchEvent(new Event("languagechange"));
    }, lang);
    await ann.locator(`html[lang=${lang}]`).waitFor();
    await until("one tab stop", async () => (await ann.getByRole("toolbar").locator("button[tabindex='0']").count()) === 1);
  }

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

  // Opened while nothing had the focus: then it goes to the heading.
  await ann.evaluate(() => document.activeElement.blur());
  await ann.keyboard.press("c");
  await ann.locator(".chat textarea:focus").waitFor();
  await ann.keyboard.press("Escape");
  await ann.locator("h1:focus").waitFor();
  assertNoFaults(ann);
  await ann.context().close();
});
