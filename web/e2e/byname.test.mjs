import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch } from "./lib/browser.mjs";
import { assertPlaying, LIMIT_MS, until } from "./lib/call.mjs";
import { callButton, gathered, ringOf } from "./lib/people.mjs";
import { startServer } from "./lib/server.mjs";

let browser, server, short;
before(async () => {
  [server, short] = await Promise.all([startServer(), startServer({ signaling: { ring_timeout: "2s" } })]);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), short?.stop()]);
});

const heading = (page, name) => page.getByRole("heading", { name, exact: true });

test("a call by click: it rings, is accepted, plays, survives a reload, and ends for both", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann", "Bob"], async (ann, bob) => {
    await callButton(ann, "Bob").click();
    await ringOf(bob).getByText("Ann is calling with video").waitFor({ timeout: LIMIT_MS });
    await ann.getByText("Video call · ringing…").waitFor();
    // Nothing of Bob is open before he accepts.
    assert.equal(await bob.evaluate(() => window.connections.length), 0);
    await ringOf(bob).getByRole("button", { name: "Accept with video" }).click();
    await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
    await heading(ann, "Bob").waitFor();
    await heading(bob, "Ann").waitFor();

    await bob.reload();
    await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);

    await bob.getByRole("button", { name: "Leave" }).click();
    await heading(bob, "You have hung up").waitFor();
    await ann.getByRole("heading", { name: "Bob has left the call" }).waitFor({ timeout: 5_000 });
    await bob.getByRole("button", { name: "Call Ann again" }).click();
    await ringOf(ann).waitFor();
    await ringOf(ann).getByRole("button", { name: "End call and accept, audio only" }).click();
    await bob.getByLabel("Ann", { exact: true }).getByText("camera off").waitFor({ timeout: LIMIT_MS });
    await bob.getByRole("toolbar").waitFor();
    assertNoFaults(ann, bob);
  }));

test("declined with a word, cancelled, busy, and not to be disturbed: each is said", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann out", "Bob out"], async (ann, bob) => {
    await callButton(ann, "Bob out", "Audio").click();
    await ringOf(bob).getByRole("button", { name: "Decline with a message" }).click();
    await bob.getByRole("menuitem", { name: "I’ll call back in 5 minutes" }).click();
    await ann.getByText("Bob out declined: “I’ll call back in 5 minutes”").waitFor({ timeout: LIMIT_MS });

    await ann.getByRole("button", { name: "Call again" }).click();
    await ringOf(bob).waitFor();
    await ann.getByRole("button", { name: "Cancel" }).click();
    await ringOf(bob).waitFor({ state: "detached" });
    await bob.getByRole("region", { name: "Missed calls" }).getByText(/Ann out called at/).waitFor();
    await until("the title counts it", async () => (await bob.title()).startsWith("(1) "));
    await bob.getByRole("button", { name: "Dismiss missed calls" }).click();
    await bob.getByRole("region", { name: "Missed calls" }).waitFor({ state: "detached" });

    await bob.getByRole("button", { name: /^Bob out/ }).click();
    await bob.getByLabel("Do not disturb").check();
    await ann.getByText("Do not disturb").waitFor({ timeout: LIMIT_MS });
    await callButton(ann, "Bob out").click();
    await ann.getByText("Bob out does not want to be disturbed now.").waitFor();
    await bob.getByLabel("Available", { exact: true }).check();
    await bob.getByLabel("Tell them I am busy").check();
    await bob.keyboard.press("Escape");
    await bob.getByRole("button", { name: "New room" }).click();
    await bob.getByRole("button", { name: /^Join/ }).last().click();
    await bob.getByRole("toolbar").waitFor();
    await ann.getByRole("button", { name: "Call again" }).click();
    await ann.getByText("Bob out is in another call.").waitFor({ timeout: LIMIT_MS });
    assert.equal(await ringOf(bob).count(), 0);
    assertNoFaults(ann, bob);
  }));

test("no answer, a name that nobody has, and one that has gone", { timeout: 120_000 }, () =>
  gathered(browser, short, ["Ann miss", "Bob miss"], async (ann, bob) => {
    await callButton(ann, "Bob miss").click();
    await ringOf(bob).waitFor();
    await ann.getByText("Bob miss did not answer.").waitFor({ timeout: LIMIT_MS });
    await ringOf(bob).waitFor({ state: "detached" });
    await bob.getByRole("button", { name: "Call back Ann miss" }).waitFor();

    await ann.goto(`${short.url}/u/Zoe`);
    await ann.getByRole("button", { name: "Video call" }).click();
    await ann.getByText("Nobody here is called “Zoe”.").waitFor();

    await ann.goto(short.url);
    await callButton(ann, "Bob miss").waitFor();
    await ann.getByRole("searchbox").fill("bob MISS");
    await callButton(ann, "Bob miss").click();
    await ringOf(bob).waitFor();
    await bob.context().close();
    await ann.getByText(/Bob miss (has just gone offline|did not answer|is not online)\./).waitFor({ timeout: LIMIT_MS });
    assertNoFaults(ann);
  }));

test("whoever is called may load the page anew and answer then; who signs out is not there", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann anew", "Bob anew"], async (ann, bob) => {
    await callButton(ann, "Bob anew", "Audio").click();
    await ringOf(bob).waitFor();
    await bob.reload();
    await ringOf(bob).getByRole("button", { name: "Accept, audio only" }).click({ timeout: LIMIT_MS });
    for (const page of [ann, bob]) await page.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    await bob.getByRole("button", { name: "Leave" }).click();
    await bob.getByRole("button", { name: "Back to start" }).click();
    await ann.getByRole("toolbar").getByRole("button", { name: "Leave" }).click();
    await ann.getByRole("button", { name: "Call Bob anew again" }).click();
    await ringOf(bob).getByRole("button", { name: "Ignore" }).click({ timeout: LIMIT_MS });
    await bob.getByRole("button", { name: "Sign out" }).click();
    await ann.getByText("Bob anew is not online.").waitFor({ timeout: LIMIT_MS });
    assertNoFaults(ann, bob);
  }));

test("two who call each other at once are in one call", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann both", "Bob both"], async (ann, bob) => {
    await Promise.all([callButton(ann, "Bob both").waitFor(), callButton(bob, "Ann both").waitFor()]);
    await callButton(ann, "Bob both").click();
    // Bob's click was on its way when it began to ring at his side.
    await callButton(bob, "Ann both").evaluate((button) => button.click());
    await Promise.all([assertPlaying(ann, "Bob both"), assertPlaying(bob, "Ann both")]);
    assert.equal(new URL(ann.url()).pathname, new URL(bob.url()).pathname);
    for (const page of [ann, bob]) assert.equal(await ringOf(page).count(), 0);
    assertNoFaults(ann, bob);
  }));

test("two who call each other at once are in one call also where the second one's machine is slow", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann swift", "Bob slow"], async (ann, bob) => {
    await Promise.all([callButton(ann, "Bob slow").waitFor(), callButton(bob, "Ann swift").waitFor()]);
    await bob.evaluate(() => {
      const make = RTCPeerConnection.generateCertificate;
      RTCPeerConnection.generateCertificate = async (kind) => {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return make.call(RTCPeerConnection, kind);
      };
    });
    await callButton(ann, "Bob slow").click();
    await callButton(bob, "Ann swift").evaluate((button) => button.click());
    await Promise.all([assertPlaying(ann, "Bob slow"), assertPlaying(bob, "Ann swift")]);
    assert.equal(new URL(ann.url()).pathname, new URL(bob.url()).pathname);
    assertNoFaults(ann, bob);
  }));

test("it rings on all tabs, one answers, the others stop and say so; keys typed as it begins answer nothing", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann tabs", "Bob tabs"], async (ann, bob) => {
    const other = Object.assign(await bob.context().newPage(), { faults: [] });
    await other.goto(server.url);
    await other.getByRole("button", { name: "Sign out" }).waitFor();
    await callButton(ann, "Bob tabs", "Audio").click();
    await ringOf(other).waitFor();
    await ringOf(bob).waitFor();
    // The focus is on no button, so whoever is typing answers nothing.
    await bob.keyboard.press("Enter");
    await bob.keyboard.press("Space");
    assert.equal(await ringOf(bob).count(), 1);
    await bob.keyboard.press("Tab");
    await until("the first button has the focus", () => bob.evaluate(() => document.activeElement?.textContent?.includes("Accept with video")));
    await ringOf(other).getByRole("button", { name: "Accept, audio only" }).click();
    await ringOf(bob).waitFor({ state: "detached" });
    await bob.getByText("You dealt with the call from Ann tabs on another device.").first().waitFor();
    await other.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    await until("they are connected", () => other.evaluate(() => window.connections.at(-1)?.connectionState === "connected"));
    assertNoFaults(ann, bob);
  }));

test("people come and go on the list, with status and name; a third one is called into the call", { timeout: 120_000 }, () =>
  gathered(browser, server, ["Ann list", "Bob list", "Cara list"], async (ann, bob, cara) => {
    await callButton(ann, "Cara list").waitFor({ timeout: LIMIT_MS });
    await cara.getByRole("button", { name: /^Cara list/ }).click();
    await cara.getByLabel("Your name").fill("Cleo list");
    await cara.getByRole("button", { name: "Rename" }).click();
    await callButton(ann, "Cleo list").waitFor({ timeout: LIMIT_MS });
    await cara.getByLabel("Away", { exact: true }).check();
    await ann.getByRole("listitem").filter({ hasText: "Cleo list" }).getByText("Away").waitFor({ timeout: LIMIT_MS });
    await cara.keyboard.press("Escape");

    await callButton(ann, "Bob list", "Audio").click();
    await ringOf(bob).getByRole("button", { name: "Accept, audio only" }).click();
    await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    await callButton(cara, "Bob list").waitFor();
    await cara.getByRole("listitem").filter({ hasText: "Bob list" }).getByText("In a call").waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "People" }).click();
    await ann.getByRole("button", { name: "Call Cleo list into this room" }).click();
    await ringOf(cara).getByRole("button", { name: "Accept, audio only" }).click();
    await ann.keyboard.press("Escape");
    for (const page of [ann, bob]) await page.getByLabel("Cleo list", { exact: true }).waitFor({ timeout: LIMIT_MS });
    // A pinned tile takes the stage, for as long as its person is there.
    await ann.getByRole("button", { name: "More about Cleo list" }).focus();
    await ann.keyboard.press("Enter");
    await ann.getByRole("menuitemcheckbox", { name: "Pin to the stage" }).click();
    await ann.locator(".stage-main").getByLabel("Cleo list", { exact: true }).waitFor();
    await ann.locator(".stage-strip").getByLabel("Bob list", { exact: true }).waitFor();
    await cara.close({ runBeforeUnload: true });
    await ann.getByLabel("Cleo list", { exact: true }).waitFor({ state: "detached", timeout: 5_000 });
    assert.equal(await ann.locator(".stage-main").count(), 0);
    assertNoFaults(ann, bob);
  }));
