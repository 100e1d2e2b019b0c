import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { after, before, test } from "node:test";
import { AXE, violations } from "./lib/axe.mjs";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { assertPlaying, enter, LIMIT_MS, until } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";
import { startSite } from "./lib/site.mjs";

const text = (path) => readFile(new URL(path, import.meta.url), "utf8");

/** The two files that README tells people to put on their site. */
async function example() {
  const readme = await text("../../README.md");
  const section = readme.split(/^## /m).find((part) => part.startsWith("Embed it"));
  const [, page] = section.match(/```html\n(.*?)```/s);
  const [, script] = section.match(/```js\n(.*?)```/s);
  return { "call.html": page, "call.js": script };
}

let browser, server, listed, unlisted, files;
before(async () => {
  files = await example();
  [listed, unlisted] = await Promise.all([1, 2].map(() => startSite(files, () => server.url)));
  server = await startServer({ http: { allowed_origins: [listed.url] } });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await Promise.all([server, listed, unlisted].map((one) => one?.stop()));
});

/** Fills in the example's form. */
async function join(page, url, name, room) {
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Room").fill(room);
  await page.getByRole("button", { name: "Join" }).click();
}

/** The status line, as a reader of the screen hears it. */
const status = (page, words) => page.getByRole("status").filter({ hasText: words }).waitFor({ timeout: LIMIT_MS });

test("README shows what ships", async () => {
  assert.equal(files["call.js"], (await text("../static/sdk/minimal.js")).replace("./parley.js", "https://call.example.org/sdk/parley.js"));
  assert.equal(files["call.html"], (await text("../static/sdk/minimal.html")).replace("minimal.js", "call.js"));
});

test("a page of another site calls one of Parley's own", { timeout: 120_000 }, async () => {
  const ann = await person(browser, server.url);
  const bob = await person(browser, [listed.url, server.url]);
  await bob.context().addInitScript(AXE);
  const sent = [];
  bob.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload))));
  try {
    await enter(ann, `${server.url}/r/shop`, "Ann shop");
    await join(bob, `${listed.url}/call.html`, "Bob shop", "shop");
    await status(bob, "You are in shop.");
    await Promise.all([assertPlaying(ann, "Bob shop"), assertPlaying(bob, "Ann shop")]);
    assert.deepEqual(await violations(bob), []);

    // The token has said who this is; no cookie has come from the server, and so none went there.
    assert.ok(sent[0].t === "hello" && sent[0].token.length > 20);
    assert.deepEqual(await bob.context().cookies(), []);
    assert.equal(await bob.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })).then((s) => s.includes(sent[0].token)), false);

    await bob.evaluate(() => (window.sent = document.querySelector("#me video").srcObject.getTracks()));
    await bob.getByRole("button", { name: "Leave" }).click();
    await status(bob, "You have left.");
    await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: LIMIT_MS });
    await until("camera, microphone and connections are let go", () => bob.evaluate(() =>
      window.sent.length === 2 && window.sent.every((track) => track.readyState === "ended") &&
      window.connections.every((connection) => connection.connectionState === "closed")));

    // Leaving ended the login, so the name is free again.
    await bob.getByRole("button", { name: "Join" }).click();
    await Promise.all([assertPlaying(ann, "Bob shop"), assertPlaying(bob, "Ann shop")]);
    assertNoFaults(ann, bob);
  } catch (error) {
    error.message += `\nbob: ${await bob.getByRole("status").textContent()} ${bob.faults}\nserver:\n${server.log.slice(-4000)}`;
    throw error;
  } finally {
    await Promise.all([ann.context().close(), bob.context().close()]);
  }
});

test("the example runs on the server itself too", { timeout: 120_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url, { noDevices: true })];
  for (const [page, name] of [[ann, "Ann here"], [bob, "Bob here"]]) {
    await join(page, `${server.url}/sdk/minimal.html`, name, "here");
    await status(page, "You are in here.");
  }
  await assertPlaying(bob, "Ann here");
  // The other's name stands there, although nothing comes from him.
  await ann.locator("figure").filter({ hasText: "Bob here" }).waitFor();
  await bob.close({ runBeforeUnload: false });
  await ann.locator("figure").filter({ hasText: "Bob here" }).waitFor({ state: "detached", timeout: LIMIT_MS });
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});

test("a site that is not listed is told so, and what to do", { timeout: 60_000 }, async () => {
  const page = await person(browser, [unlisted.url, server.url]);
  await join(page, `${unlisted.url}/call.html`, "Eve", "shop");
  await status(page, `${server.url} does not let pages of ${unlisted.url} in. Whoever runs it can add "${unlisted.url}" to http.allowed_origins.`);
  // With a token at hand nothing is asked before the socket; the reason is found out all the same.
  const refusal = await page.evaluate(async (url) => {
    const { connect } = await import(`${url}/sdk/parley.js`);
    return connect({ token: "any" }).then(() => null, ({ code, message }) => ({ code, message }));
  }, server.url);
  assert.equal(refusal.code, "bad_origin");
  assert.match(refusal.message, /http\.allowed_origins/);
  // The browser says the same in its own words, and nothing else.
  assert.deepEqual(page.faults.filter((fault) => !/blocked by CORS policy|net::ERR_FAILED|status of 403|Unexpected response code: 403/.test(fault)), []);
  await page.context().close();
});

test("a wrong token, name or address is refused with its own code", { timeout: 60_000 }, async () => {
  const page = await person(browser, [listed.url, server.url]);
  await page.goto(`${listed.url}/call.html`);
  const codes = await page.evaluate(async (url) => {
    const { connect } = await import(`${url}/sdk/parley.js`);
    const code = (who) => connect(who).then(() => "", (error) => error.code);
    return [await code({ token: "nonsense" }), await code({ name: "" }), await code({ server: "call", name: "Ann" })];
  }, server.url);
  assert.deepEqual(codes, ["unauthorized", "bad_name", "bad_message"]);
  await page.context().close();
});

/** What a foreign page is answered, whatever the request. */
function answer(path, method, headers) {
  return new Promise((done, fail) => {
    const request = http.request(server.url + path, { method, headers: { Origin: unlisted.url, ...headers } }, async (response) => {
      let body = "";
      for await (const part of response) body += part;
      done({ status: response.statusCode, code: JSON.parse(body).error.code, open: response.headers["access-control-allow-origin"] });
    });
    request.on("error", fail).end();
  });
}

test("an unlisted origin gets 403 bad_origin from login, preflight and socket", async () => {
  const upgrade = {
    Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "parley.v1",
  };
  for (const [path, method, headers] of [["/login", "POST", {}], ["/login", "OPTIONS", {}], ["/config", "GET", {}], ["/ws", "GET", upgrade]]) {
    assert.deepEqual(await answer(path, method, headers), { status: 403, code: "bad_origin", open: undefined }, `${method} ${path}`);
  }
});
