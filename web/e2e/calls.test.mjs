import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { assertDirect, assertPlaying, assertRelayed, enter, LIMIT_MS, openDevices, signIn, stats, until } from "./lib/call.mjs";
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

/** Two people in one room, and away with them afterwards. */
async function two(room, options, how, run) {
  const [ann, bob] = await Promise.all([person(browser, server.url, options), person(browser, server.url, options)]);
  try {
    await enter(ann, `${server.url}/r/${room}`, `Ann ${room}`, how);
    await ann.getByRole("heading", { name: "You are the only one here" }).waitFor();
    await enter(bob, `${server.url}/r/${room}`, `Bob ${room}`, how);
    await Promise.all([assertPlaying(ann, `Bob ${room}`), assertPlaying(bob, `Ann ${room}`)]);
    await run(ann, bob);
    assertNoFaults(ann, bob);
  } catch (error) {
    error.message += `\nserver:\n${server.log.slice(-4000)}`;
    throw error;
  } finally {
    await Promise.all([ann.context().close(), bob.context().close()]);
  }
}

test("two people meet in a room, directly, and hang up", { timeout: 120_000 }, () =>
  two("direct", {}, {}, async (ann, bob) => {
    await Promise.all([assertDirect(ann), assertDirect(bob)]);

    // The toggles say what they do, and the other side shows it.
    const mic = ann.getByRole("button", { name: "Microphone" });
    assert.equal(await mic.getAttribute("aria-pressed"), "true");
    await mic.click();
    await until("the toggle says off", async () => (await mic.getAttribute("aria-pressed")) === "false");
    await bob.getByLabel("Ann direct", { exact: true }).getByText("muted").waitFor();
    const offers = () => ann.evaluate(() => window.connections.length);
    const made = await offers();
    const camera = ann.getByRole("button", { name: "Camera" });
    await camera.click();
    await bob.getByLabel("Ann direct", { exact: true }).getByText("camera off").waitFor();
    await camera.click();
    await mic.click();
    await assertPlaying(bob, "Ann direct");
    assert.equal(await offers(), made);

    await bob.getByRole("button", { name: "Leave" }).click();
    await bob.getByRole("heading", { name: "You have left the room" }).waitFor();
    await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: LIMIT_MS });
  }));

test("hidden addresses: everything through the relay", { timeout: 120_000 }, () =>
  two("relay", {}, { hideIp: true }, (ann, bob) => Promise.all([assertRelayed(ann), assertRelayed(bob)])));

// Which of both it takes is decided by who answers first: without a network in between, that is chance.
test("where only UDP passes: through the relay over UDP", { timeout: 120_000 }, () =>
  two("relay-udp", { transport: "udp" }, { hideIp: true }, (ann, bob) => Promise.all([assertRelayed(ann, "udp"), assertRelayed(bob, "udp")])));

test("where only TCP passes: through the relay over TCP", { timeout: 120_000 }, () =>
  two("relay-tcp", { transport: "tcp" }, { hideIp: true }, (ann, bob) => Promise.all([assertRelayed(ann, "tcp"), assertRelayed(bob, "tcp")])));

test("without any device one can join and receive", { timeout: 120_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url, { noDevices: true })];
  await enter(ann, `${server.url}/r/bare`, "Ann bare");
  await signIn(bob, `${server.url}/r/bare`, "Bob bare");
  await openDevices(bob, bob.locator(".notice").getByText("No camera found", { exact: true }));
  await bob.getByRole("button", { name: "Join without camera and microphone" }).click();
  await assertPlaying(bob, "Ann bare");
  await ann.getByLabel("Bob bare", { exact: true }).getByText("camera off").waitFor();
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});

test("a third person at a room for two is told that it is full, and let in later", { timeout: 180_000 }, async () => {
  const [ann, bob, cara] = await Promise.all([1, 2, 3].map(() => person(browser, server.url)));
  await signIn(ann, server.url, "Ann full");
  await ann.getByLabel("Room for").selectOption({ label: "2 people" });
  await ann.getByRole("button", { name: "New room" }).click();
  const join = ann.getByRole("button", { name: "Join", exact: true });
  await openDevices(ann, join);
  await join.click();
  await ann.getByRole("heading", { name: "You are the only one here" }).waitFor();
  const link = ann.url();
  await enter(bob, link, "Bob full");
  await assertPlaying(ann, "Bob full");

  await signIn(cara, link, "Cara full");
  await cara.getByRole("button", { name: /^Join/ }).last().click();
  await cara.getByRole("heading", { name: "The room is full" }).waitFor({ timeout: LIMIT_MS });
  await Promise.all([assertPlaying(ann, "Bob full"), assertPlaying(bob, "Ann full")]);
  assert.equal(await ann.evaluate(() => window.connections.length), 1);

  await bob.getByRole("button", { name: "Leave" }).click();
  await cara.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  await assertPlaying(cara, "Ann full");
  assertNoFaults(ann, bob, cara);
  await Promise.all([ann, bob, cara].map((page) => page.context().close()));
});

test("a taken name is answered with another one", { timeout: 60_000 }, async () => {
  const [first, second] = [await person(browser, server.url), await person(browser, server.url)];
  await signIn(first, server.url, "Dora");
  await second.goto(server.url);
  await second.getByLabel("Your name").fill("Dora");
  await second.getByRole("button", { name: "Continue" }).click();
  await second.getByText("How about “Dora 2”?").waitFor();
  // The words and the field are painted one after the other.
  await until("the proposal stands in the field", async () => (await second.getByLabel("Your name").inputValue()) === "Dora 2");
  await second.getByRole("button", { name: "Continue" }).click();
  await second.getByText("Dora 2").first().waitFor();
  await first.getByText("Dora 2").first().waitFor({ timeout: LIMIT_MS });
  // The browser itself logs the 409 of the taken name; nothing else may be there.
  assert.deepEqual(second.faults.filter((fault) => !/status of 409/.test(fault)), []);
  assertNoFaults(first);
  await Promise.all([first.context().close(), second.context().close()]);
});

test("a dropped socket does not touch the call", { timeout: 120_000 }, () =>
  two("socket", {}, {}, async (ann, bob) => {
    // The browser goes offline for the page's requests; loopback media goes on.
    await ann.context().setOffline(true);
    await ann.evaluate(() => dispatchEvent(new Event("online")));
    await ann.getByText("Your call goes on").waitFor({ timeout: LIMIT_MS });
    const before = await stats(bob);
    await until("media goes on without the socket", async () => (await stats(bob)).frames - before.frames > 20);
    await ann.context().setOffline(false);
    await ann.getByText("Your call goes on").waitFor({ state: "detached", timeout: LIMIT_MS });
    await assertPlaying(ann, "Bob socket");
    assert.equal(await ann.evaluate(() => window.connections.length), 1);
    for (const page of [ann, bob]) page.faults.splice(0, Infinity, ...page.faults.filter((f) => !/WebSocket|ERR_INTERNET_DISCONNECTED/.test(f)));
  }));
