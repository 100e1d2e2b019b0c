import assert from "node:assert/strict";
import dgram from "node:dgram";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { assertNoFaults, FLAGS, launch, person, SIZES } from "./lib/browser.mjs";
import { LIMIT_MS, signIn, until } from "./lib/call.mjs";
import { dress, everyLook } from "./lib/looks.mjs";
import { startServer } from "./lib/server.mjs";

let browser;
before(async () => {
  // TURN over TLS meets a certificate of the server's own making, which no page can wave through.
  browser = await launch({ args: [...FLAGS, "--ignore-certificate-errors"] });
});
after(() => browser?.close());

/** They warn of what is slow, and so they may on a machine that has much to do. */
const SPEED = ["resume", "throughput"];

/** @returns {Promise<Record<string, string>>} the outcome of each check, once none runs any more */
async function outcomes(page) {
  await page.getByRole("button", { name: "Test again" }).waitFor({ timeout: 90_000 });
  const all = await page.evaluate(() => [...document.querySelectorAll("[data-check]")].map((row) => [row.dataset.check, row.dataset.state]));
  return Object.fromEntries(all.map(([id, state]) => [id, state === "warn" && SPEED.includes(id) ? "pass" : state]));
}

const ALL = { browser: "pass", secure: "pass", server: "pass", signaling: "pass", resume: "pass", stun: "pass", "turn-udp": "pass", "turn-tcp": "pass", "turn-tls": "pass", throughput: "pass", direct: "pass" };

/** A port of UDP that swallows everything, as behind a firewall that drops. */
async function blackHole() {
  const socket = dgram.createSocket("udp4");
  await new Promise((done) => socket.bind(0, "127.0.0.1", done));
  return { port: socket.address().port, close: () => socket.close() };
}

/** @returns {Promise<number>} a TCP port that was free a moment ago */
const freePort = () => new Promise((done) => {
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});

// They wait more than they work: for the time-outs of checks that are to fail.
describe("the connection test", { concurrency: true }, () => {
  test("everything works, devices too, and the report can be left", { timeout: 240_000 }, async () => {
    const server = await startServer({ tls: { mode: "self-signed" } });
    try {
      const ann = await person(browser, server.url, { context: { ...SIZES.laptop, ignoreHTTPSErrors: true } });
      await dress(ann);
      await signIn(ann, server.url, "Ann");
      await ann.getByRole("link", { name: "Test my connection" }).click();
      await ann.getByRole("heading", { name: "Connection test" }).waitFor();
      const found = await outcomes(ann);
      assert.deepEqual(found, { ...ALL, mic: "waiting", speaker: "waiting", camera: "waiting" }, await ann.locator("main").innerText());
      await ann.locator(".check-summary").getByText("All is well").waitFor();
      for (const kind of ["turn-udp", "turn-tcp", "turn-tls"]) {
        const trips = await ann.locator(`[data-check=${kind}] dd`).nth(3).textContent();
        assert.equal(trips.split(", ").length, 20, kind);
      }

      await ann.getByRole("button", { name: "Test the microphone" }).click();
      await ann.getByText("We hear you.").waitFor({ timeout: LIMIT_MS });
      await ann.getByRole("button", { name: "Test the camera" }).click();
      await ann.getByText(/It sends \d+×\d+ at \d+ pictures/).waitFor({ timeout: LIMIT_MS });
      await ann.getByRole("button", { name: "Play a sound" }).click();
      await ann.getByRole("button", { name: "Yes" }).click();
      await ann.getByText("You hear us.").waitFor();
      await everyLook(ann, "test");

      await ann.getByRole("button", { name: "Leave with the administrator" }).click();
      const code = await ann.locator(".check-code").textContent();
      assert.match(code, /^[A-Z2-9]{3}-[A-Z2-9]{3}$/);
      assertNoFaults(ann);
      await ann.context().close();
    } finally {
      await server.stop();
    }
  });

  test("with UDP blocked the page says so, and that TCP works", { timeout: 240_000 }, async () => {
    const [hole, relay] = [await blackHole(), await freePort()];
    const urls = [`stun:127.0.0.1:${hole.port}`, `turn:127.0.0.1:${hole.port}?transport=udp`, `turn:127.0.0.1:${relay}?transport=tcp`];
    const server = await startServer({ relay: { listen: `127.0.0.1:${relay}`, urls } });
    try {
      const bob = await person(browser, server.url);
      await dress(bob);
      await signIn(bob, `${server.url}/test`, "Bob");
      const found = await outcomes(bob);
      const expected = { ...ALL, stun: "fail", "turn-udp": "fail", "turn-tls": "skipped", mic: "waiting", speaker: "waiting", camera: "waiting" };
      assert.deepEqual(found, expected, await bob.locator("main").innerText());
      await bob.locator(".check-summary").getByText("UDP is blocked here. Calls will work all the same").waitFor();
      await everyLook(bob, "test-udp");
      assertNoFaults(bob);

      // Neither does the WebSocket come through.
      await bob.routeWebSocket(/\/ws$/, (socket) => socket.close());
      await bob.reload();
      const without = await outcomes(bob);
      assert.equal(without.signaling, "fail");
      assert.equal(without.server, "pass");
      assert.equal(without.direct, "pass");
      await bob.getByText("a proxy on the way has to pass on").waitFor();
      await until("no sign-in is asked for", async () => !(await bob.getByLabel("Your name").isVisible()));
      await bob.context().close();
    } finally {
      hole.close();
      await server.stop();
    }
  });

  test("a relay that signs with another secret is told from one that cannot be reached", { timeout: 240_000 }, async () => {
    const other = await startServer();
    const urls = [`stun:127.0.0.1:${other.relay}`, `turn:127.0.0.1:${other.relay}?transport=udp`, `turn:127.0.0.1:${other.relay}?transport=tcp`];
    const server = await startServer({ relay: { urls } });
    try {
      const cara = await person(browser, server.url);
      await signIn(cara, `${server.url}/test`, "Cara");
      const found = await outcomes(cara);
      const expected = { ...ALL, "turn-udp": "fail", "turn-tcp": "fail", "turn-tls": "skipped", throughput: "skipped", mic: "waiting", speaker: "waiting", camera: "waiting" };
      assert.deepEqual(found, expected, await cara.locator("main").innerText());
      assert.equal(await cara.getByText("does not accept this page’s credentials").count(), 2);
      await cara.context().close();
    } finally {
      await server.stop();
      await other.stop();
    }
  });
});
