import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { AXE } from "./lib/axe.mjs";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { LIMIT_MS, signIn } from "./lib/call.mjs";
import { inspect, OUT } from "./lib/look.mjs";
import { callButton, ringOf } from "./lib/people.mjs";
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

const button = (page, name) => page.getByRole("button", { name });

/** Ann calls Bob: what both see. */
async function calling(ann, bob, name, look) {
  await callButton(ann, name).waitFor({ timeout: LIMIT_MS });
  await inspect(ann, "people", look);
  await ann.getByRole("button", { name: `More for ${name}` }).click();
  await inspect(ann, "people-menu", look);
  await ann.keyboard.press("Escape");
  await ann.getByRole("searchbox").fill("Zoe");
  await inspect(ann, "people-typed", look);
  await ann.getByRole("searchbox").fill("");
  await callButton(ann, name).click();
  await ringOf(bob).waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "ring", look);
  await inspect(ann, "calling", look);
  await button(bob, "Decline with a message").click();
  await inspect(bob, "ring-reply", look);
  await bob.getByRole("menuitem").first().click();
  await ann.getByText("declined").waitFor({ timeout: LIMIT_MS });
  await inspect(ann, "declined", look);
  await button(ann, "Call again").click();
  await ringOf(bob).waitFor({ timeout: LIMIT_MS });
  await button(ann, "Cancel").click();
  await bob.getByRole("region", { name: "Missed calls" }).waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "missed", look);
}

/** Ann opens a call, Bob sees it. */
async function board(ann, bob, look, narrow) {
  if (narrow) for (const page of [ann, bob]) await page.getByRole("tab", { name: "Open calls" }).click();
  await button(ann, "Open a call").click();
  await ann.getByLabel("What about?").fill("Help with maths");
  await inspect(ann, "board-post", look);
  await button(ann, "Open the call").click();
  await ann.getByRole("heading", { name: "Help with maths" }).waitFor({ timeout: LIMIT_MS });
  await inspect(ann, "waiting", look);
  await button(bob, /^Answer Ann/).waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "board", look);
  await button(ann, "Take it down").click();
}

/** Ann's room, locked and with a password, from both sides of its door. */
async function door(ann, bob, look) {
  const url = `${server.url}/r/door-${look}`;
  await ann.goto(url);
  await button(ann, /^Join/).last().click({ timeout: LIMIT_MS });
  await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  await button(ann, "People").click();
  await ann.getByLabel("Lock the room").check();
  await inspect(ann, "room-panel", look);
  await ann.keyboard.press("Escape");
  await bob.goto(url);
  await button(bob, /^Join/).last().click({ timeout: LIMIT_MS });
  await button(bob, "Knock").waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "locked", look);
  await button(bob, "Knock").click();
  await button(ann, "Let in").waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "knocking", look);
  await inspect(ann, "knock", look);
  await button(ann, "People").click();
  await ann.getByLabel("Lock the room").uncheck();
  await ann.getByLabel("Password of the room").fill("sesame");
  await button(ann, "Save").last().click();
  await bob.goto(url);
  await button(bob, /^Join/).last().click({ timeout: LIMIT_MS });
  await bob.getByLabel("Password of the room").waitFor({ timeout: LIMIT_MS });
  await inspect(bob, "password", look);
}

for (const [theme, size] of [["light", "laptop"], ["dark", "phone"]]) {
  test(`every way into a call, ${theme}, ${size}`, { timeout: 120_000 }, async () => {
    const look = `${theme}-${size}`;
    const settings = { ...SIZES[size], colorScheme: theme };
    const [ann, bob] = await Promise.all([1, 2].map(() => person(browser, server.url, { context: settings })));
    for (const page of [ann, bob]) await page.context().addInitScript(AXE);
    await signIn(ann, server.url, `Ann ${size}`);
    await signIn(bob, server.url, `Bob ${size}`);
    await calling(ann, bob, `Bob ${size}`, look);
    await ann.getByRole("button", { name: /^Ann/ }).click();
    await inspect(ann, "you", look);
    await ann.keyboard.press("Escape");
    await board(ann, bob, look, size === "phone");
    await door(ann, bob, look);
    assertNoFaults(ann, bob);
    await Promise.all([ann.context().close(), bob.context().close()]);
  });
}
