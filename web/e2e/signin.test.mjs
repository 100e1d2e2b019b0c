import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { LIMIT_MS, signIn, until } from "./lib/call.mjs";
import { dress, everyLook } from "./lib/looks.mjs";
import { scratch } from "./lib/scratch.mjs";
import { BIN, ENV, startServer } from "./lib/server.mjs";

let browser, dir;
before(async () => {
  browser = await launch();
  dir = await scratch("signin");
});
after(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

/** A server with the given way to sign in, for the length of one test. */
async function withServer(auth, run) {
  const server = await startServer({ auth });
  try {
    await run(server);
  } catch (error) {
    error.message += `\nserver:\n${server.log.slice(-4000)}`;
    throw error;
  } finally {
    await server.stop();
  }
}

/** What the browser itself logs about a refusal that was asked for. */
const refused = (fault) => /status of 40[13]/.test(fault);

test("one shared password: a wrong one is explained, the right one lets in", { timeout: 60_000 }, async () => {
  const file = path.join(dir, "password");
  await writeFile(file, "open sesame\n", { mode: 0o600 });
  await withServer({ mode: "password", password_file: file }, async (server) => {
    const page = await person(browser, server.url);
    await dress(page);
    await page.goto(`${server.url}/r/planning`);
    await page.getByLabel("Your name").fill("Ann");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("Name or password is wrong.").waitFor();
    await until("the field is marked", async () => (await page.getByLabel("Password").getAttribute("aria-invalid")) === "true");
    await everyLook(page, "signin-password");
    await page.getByLabel("Password").fill("open sesame");
    await page.getByRole("button", { name: "Continue" }).click();
    // The address was kept: this is the lobby of the room that was asked for.
    await page.getByRole("heading", { name: "planning" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    assert.deepEqual(page.faults.filter((fault) => !refused(fault)), []);
    await page.context().close();
  });
});

test("an invite link lets in at once and leaves no trace in the address", { timeout: 60_000 }, async () => {
  await withServer({ mode: "token" }, async (server) => {
    const { stdout } = await promisify(execFile)(BIN, ["token", "-name", "Zoe", "-room", "standup"], { cwd: server.dir, env: ENV });
    const token = stdout.trim().split("#t=").at(-1);
    const page = await person(browser, server.url);
    const asked = [];
    page.context().on("request", (request) => asked.push(request.url()));
    await page.goto(`${server.url}/r/standup#t=${token}`);
    await page.getByRole("heading", { name: "standup" }).waitFor({ timeout: LIMIT_MS });
    await page.getByText("Zoe").first().waitFor();
    assert.equal(await page.evaluate(() => location.href), `${server.url}/r/standup`);
    assert.ok(asked.every((url) => !url.replace(/#.*/, "").includes(token)));
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })).then((s) => s.includes(token)), false);
    // The cookie holds over a reload.
    await page.reload();
    await page.getByRole("heading", { name: "standup" }).waitFor();
    await page.getByText("Zoe").first().waitFor();
    assertNoFaults(page);

    const other = await person(browser, server.url);
    await dress(other);
    await other.goto(`${server.url}/r/standup#t=nonsense`);
    await other.getByLabel("Invite link").waitFor();
    await other.getByText("the invite has run out").waitFor();
    await everyLook(other, "signin-token");
    await other.getByLabel("Invite link").fill(`https://call.example.org/r/standup#t=${token}`);
    await other.getByRole("button", { name: "Continue" }).click();
    await other.getByRole("heading", { name: "standup" }).waitFor();
    assert.deepEqual(other.faults.filter((fault) => !refused(fault)), []);
    await Promise.all([page.context().close(), other.context().close()]);
  });
});

test("signing out ends the session, also after a reload", { timeout: 60_000 }, async () => {
  await withServer({ mode: "open" }, async (server) => {
    const page = await person(browser, server.url);
    await signIn(page, server.url, "Ann");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Your name").waitFor();
    await page.reload();
    await page.getByLabel("Your name").waitFor();
    await until("the name stands there again", async () => (await page.getByLabel("Your name").inputValue()) === "Ann");
    assertNoFaults(page);
    await page.context().close();
  });
});
