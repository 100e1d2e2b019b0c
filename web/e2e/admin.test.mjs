import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { enter, LIMIT_MS, signIn, stats, until } from "./lib/call.mjs";
import { dress, everyLook } from "./lib/looks.mjs";
import { adminInvite, startServer } from "./lib/server.mjs";

let browser, server;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const section = (page, name) => page.getByRole("region", { name, exact: true }).last();
const figure = async (page, name) => Number(await page.locator(`[data-figure=${name}] dd`).textContent());

test("an administrator sees what goes on, and ends it", { timeout: 240_000 }, async () => {
  const [ann, bob] = await Promise.all([1, 2].map(() => person(browser, server.url)));
  const url = `${server.url}/r/watched`;
  await Promise.all([enter(ann, url, "Ann", { hideIp: true }), enter(bob, url, "Bob", { hideIp: true })]);
  await until("the call is relayed", async () => (await stats(ann))?.local === "relay");
  const code = await bob.evaluate(async () => {
    const answer = await fetch("/reports", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ checks: [{ id: "stun", state: "fail" }] }) });
    return (await answer.json()).code;
  });

  const root = await person(browser, server.url);
  await dress(root);
  await root.goto(`${server.url}/admin${await adminInvite(server, "Root")}`);
  await root.getByRole("heading", { name: "Administration" }).waitFor({ timeout: LIMIT_MS });
  await until("three sessions, one room, two relays", async () =>
    (await figure(root, "people")) === 3 && (await figure(root, "rooms")) === 1 && (await figure(root, "relays")) >= 2);
  await section(root, "Rooms now").getByRole("cell", { name: "watched" }).waitFor();
  await until("traffic is shown", async () => (await figure(root, "up")) > 0);
  // Over which transport a relay was found first is not for this test to say.
  const counts = async () => (await root.locator("[data-path^=relay] dd span").allTextContents()).map(Number);
  await until("the outcome is counted", async () => (await counts()).reduce((all, n) => all + n) >= 1);
  await root.getByRole("region", { name: /^Reports/ }).getByText(code).first().waitFor();
  await root.getByLabel("Code").fill("ZZZ-999");
  await root.getByText("No report has this code").waitFor();

  // The very relay that is ended is gone; the call finds another.
  const relays = section(root, "Relays now").locator("tbody tr");
  const before = await relays.count();
  await relays.first().getByRole("button").click();
  const dialog = root.getByRole("dialog");
  await dialog.getByRole("button", { name: "End", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  assert.ok(before >= 2);
  await until("the focus is not lost with the row", () => root.evaluate(() => document.activeElement !== document.body));
  await until("the call is relayed again", async () => (await stats(ann))?.state === "connected");

  await section(root, "Test the relay from here").getByRole("button", { name: "Test" }).click();
  for (const id of ["turn-udp", "turn-tcp"]) await root.locator(`[data-check=${id}][data-state=pass]`).waitFor({ timeout: LIMIT_MS });

  // An invite from the page lets its holder in, and no further than it says.
  await root.getByLabel("Name", { exact: true }).fill("Cara");
  await root.getByLabel("Room (empty: any)").fill("watched");
  await root.getByRole("button", { name: "Make link" }).click();
  const link = `http://${await root.locator(".invite-url").textContent()}`;
  await everyLook(root, "admin-full");
  const cara = await person(browser, server.url);
  await cara.goto(link);
  await cara.getByRole("button", { name: "Sign out" }).waitFor({ timeout: LIMIT_MS });
  await cara.goto(`${server.url}/admin`);
  await cara.getByRole("heading", { name: "This page is for administrators" }).waitFor();

  // Signed out: everywhere, at once.
  await section(root, "People online").getByRole("button", { name: "Sign out Bob" }).click();
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await bob.getByRole("button", { name: "Continue" }).waitFor({ timeout: LIMIT_MS });
  await until("Bob is gone from the list", async () => !(await section(root, "People online").getByText("Bob", { exact: true }).isVisible()));
  assertNoFaults(ann, bob, root, cara);
  await Promise.all([ann, bob, root, cara].map((page) => page.context().close()));
});
