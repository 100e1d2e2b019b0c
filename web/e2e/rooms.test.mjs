import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch } from "./lib/browser.mjs";
import { assertPlaying, LIMIT_MS } from "./lib/call.mjs";
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

/** To the lobby and through it. */
async function go(page, room) {
  await page.goto(`${server.url}/r/${room}`);
  await page.getByRole("button", { name: /^Join/ }).last().click({ timeout: LIMIT_MS });
}

const heading = (page, name) => page.getByRole("heading", { name, exact: true });

test("a locked room: knock, refused, knock again, let in; the host reloads and is back", { timeout: 150_000 }, () =>
  gathered(browser, server, ["Ann", "Bob"], async (ann, bob) => {
    await go(ann, "locked");
    await ann.getByRole("button", { name: "People" }).click();
    await ann.getByLabel("Lock the room").check();
    await ann.getByLabel("Title").fill("Monday");
    await ann.getByRole("button", { name: "Save" }).first().click();
    await ann.getByRole("heading", { level: 1, name: /Monday/ }).waitFor({ state: "attached" });
    await ann.keyboard.press("Escape");
    // Alone in it, the host reloads: the room is as it was.
    await ann.reload();
    await ann.getByRole("heading", { level: 1, name: /Monday.*locked/ }).waitFor({ timeout: LIMIT_MS });

    await go(bob, "locked");
    await heading(bob, "This room is locked").waitFor({ timeout: LIMIT_MS });
    await bob.getByLabel("A word to the host").fill("It is me");
    await bob.getByRole("button", { name: "Knock" }).click();
    await heading(bob, "You have knocked").waitFor();
    await ann.getByText("“It is me”").waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "Not now" }).click();
    await bob.getByText("You were not let in.").waitFor({ timeout: LIMIT_MS });

    await bob.getByRole("button", { name: "Try again" }).click();
    await bob.getByRole("button", { name: /^Join/ }).last().click();
    await bob.getByRole("button", { name: "Knock" }).click();
    await ann.getByRole("button", { name: "Let in" }).click();
    await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);

    // Reloaded in a locked room, one is let in again without knocking.
    await bob.reload();
    await Promise.all([assertPlaying(ann, "Bob"), assertPlaying(bob, "Ann")]);
    assertNoFaults(ann, bob);
  }));

test("the lobby says whom one would meet, and what stands before the room", { timeout: 90_000 }, () =>
  gathered(browser, server, ["Ann there", "Bob there"], async (ann, bob) => {
    await bob.goto(`${server.url}/r/there`);
    await bob.getByText("Nobody else is here yet.").waitFor({ timeout: LIMIT_MS });
    await go(ann, "there");
    await bob.getByText(/Ann there.? is here\./).waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "People" }).click();
    await ann.getByLabel("Lock the room").check();
    await bob.getByText("The room is locked: you will be asked to knock.").waitFor({ timeout: LIMIT_MS });
    assertNoFaults(ann, bob);
  }));

test("a password: asked for, wrong, right; the host limits the room and removes someone for good", { timeout: 150_000 }, () =>
  gathered(browser, server, ["Ann key", "Bob key", "Cara key"], async (ann, bob, cara) => {
    await go(ann, "secret");
    await ann.getByRole("button", { name: "People" }).click();
    await ann.getByLabel("Password of the room").fill("sesame");
    await ann.getByRole("button", { name: "Save" }).last().click();
    await ann.getByRole("button", { name: "Remove", exact: true }).waitFor();
    await ann.getByLabel("Room for").selectOption({ label: "2 people" });

    await go(bob, "secret");
    await bob.getByLabel("Password of the room").fill("open");
    await bob.getByRole("button", { name: "Join" }).click();
    await bob.getByText("The room’s password is wrong.").waitFor({ timeout: LIMIT_MS });
    await bob.getByLabel("Password of the room").fill("sesame");
    await bob.getByRole("button", { name: "Join" }).click();
    await bob.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    // Bob is not the host, and has nothing to set.
    await bob.getByRole("button", { name: "People" }).click();
    assert.equal(await bob.getByLabel("Lock the room").count(), 0);
    await bob.keyboard.press("Escape");

    await go(cara, "secret");
    await cara.getByLabel("Password of the room").fill("sesame");
    await cara.getByRole("button", { name: "Join" }).click();
    await heading(cara, "The room is full").waitFor({ timeout: LIMIT_MS });

    await ann.getByRole("button", { name: "Remove Bob key from the room" }).click();
    await ann.getByRole("button", { name: /^Really\? Bob key/ }).click();
    await heading(bob, "You were removed from this room.").waitFor({ timeout: LIMIT_MS });
    // The place is free: who waits comes in by himself, password and all.
    await cara.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    await go(bob, "secret");
    await bob.getByText("You were not let in.").waitFor({ timeout: LIMIT_MS });
    assertNoFaults(ann, bob, cara);
  }));

test("a room that nobody can know is not there, and a call that is over says so", { timeout: 60_000 }, () =>
  gathered(browser, server, ["Ann gone"], async (ann) => {
    await go(ann, "r_aaaaaaaaaaaaaaaaaaaaaaaaaa");
    await ann.getByText("There is no such room.").waitFor({ timeout: LIMIT_MS });
    await ann.goto(`${server.url}/u/%FF`);
    await heading(ann, "There is no such page").waitFor();
    assertNoFaults(ann);
  }));
