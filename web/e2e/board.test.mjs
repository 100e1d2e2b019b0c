import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch } from "./lib/browser.mjs";
import { assertPlaying, LIMIT_MS, until } from "./lib/call.mjs";
import { gathered } from "./lib/people.mjs";
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

/** Opens a call with a title. */
async function post(page, title, { stored = false } = {}) {
  await page.getByRole("button", { name: "Open a call" }).click();
  await page.getByLabel("What about?").fill(title);
  if (stored) await page.getByLabel("Connect faster").check();
  await page.getByRole("button", { name: "Open the call" }).click();
  await page.getByRole("heading", { name: title }).waitFor({ timeout: LIMIT_MS });
}

const answer = (page, name) => page.getByRole("button", { name: `Answer ${name}`, exact: true });

test("an open call is seen, outlives a reload, is extended and answered; the late one is told", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann", "Bob", "Cara"], async (ann, bob, cara) => {
    await post(ann, "Help with maths");
    await bob.getByText("“Help with maths”").waitFor({ timeout: LIMIT_MS });
    await ann.reload();
    await ann.getByRole("heading", { name: "Help with maths" }).waitFor({ timeout: LIMIT_MS });
    const rows = await Promise.all([bob, cara].map((page) => answer(page, "Ann").elementHandle()));
    await ann.getByRole("button", { name: "Extend" }).click();
    for (const row of rows) await until("another row has come", () => row.evaluate((button) => !button.isConnected));
    // Both answer at once: the row is still in both pages.
    await Promise.all([bob, cara].map((page) => answer(page, "Ann").evaluate((button) => button.click())));
    const late = "Somebody else was faster: Ann is talking already.";
    const told = (page) => page.getByText(late).first().isVisible();
    const loser = await until("one is told", async () => ((await told(bob)) ? bob : (await told(cara)) ? cara : null));
    const [winner, name] = loser === bob ? [cara, "Cara"] : [bob, "Bob"];
    await Promise.all([assertPlaying(ann, name), assertPlaying(winner, "Ann")]);
    assert.equal(await answer(loser, "Ann").count(), 0);
    assert.equal(await loser.evaluate(() => window.connections.length), 0);
    assertNoFaults(ann, bob, cara);
  }));

test("withdrawn, an open call is gone for the others", { timeout: 60_000 }, () =>
  gathered(browser, server, ["Ann down", "Bob down"], async (ann, bob) => {
    await post(ann, "Never mind");
    await answer(bob, "Ann down").waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "Take it down" }).click();
    await answer(bob, "Ann down").waitFor({ state: "detached", timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "Open a call" }).waitFor();
    assertNoFaults(ann, bob);
  }));

test("a stored offer, taken later, is answered at once over the very connection that waited", { timeout: 180_000 }, () =>
  gathered(browser, server, ["Ann stored", "Bob stored"], async (ann, bob) => {
    await post(ann, "Stored", { stored: true });
    await answer(bob, "Ann stored").waitFor({ timeout: LIMIT_MS });
    await until("all candidates are stored", () => ann.evaluate(() => window.connections[0]?.iceGatheringState === "complete"));
    await ann.waitForTimeout(60_000); // as somebody might who only sees it now: what waits must not run out
    await answer(bob, "Ann stored").click();
    await Promise.all([assertPlaying(ann, "Bob stored"), assertPlaying(bob, "Ann stored")]);
    for (const page of [ann, bob]) assert.equal(await page.evaluate(() => window.connections.length), 1);
    assert.equal(await bob.evaluate(() => window.connections[0].remoteDescription.type), "offer");
    assertNoFaults(ann, bob);
  }));

test("with a hidden address a stored offer names the relay alone", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann hidden", "Bob hidden"], async (ann, bob) => {
    await ann.evaluate(() => localStorage.setItem("parley.prefs", JSON.stringify({ relayOnly: true })));
    await ann.reload();
    await post(ann, "Hidden", { stored: true });
    await until("candidates are stored", () => ann.evaluate(() => window.connections[0]?.iceGatheringState === "complete"));
    const types = await ann.evaluate(() => [...window.connections[0].localDescription.sdp.matchAll(/a=candidate.* typ (\w+)/g)].map((m) => m[1]));
    assert.deepEqual([...new Set(types)], ["relay"]);
    await answer(bob, "Ann hidden").click();
    await assertPlaying(bob, "Ann hidden");
    await until("it goes through the relay", () => ann.evaluate(async () => {
      const all = [...(await window.connections.at(-1).getStats()).values()];
      const { selectedCandidatePairId } = all.find((s) => s.type === "transport");
      const pair = all.find((s) => s.id === selectedCandidatePairId);
      return all.find((s) => s.id === pair?.localCandidateId)?.candidateType === "relay";
    }));
    assertNoFaults(ann, bob);
  }));
