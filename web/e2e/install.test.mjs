import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { SETTINGS } from "./lib/browser.mjs";
import { LIMIT_MS } from "./lib/call.mjs";
import { scratch } from "./lib/scratch.mjs";
import { startServer } from "./lib/server.mjs";

test("the browser finds nothing that keeps the page from being installed", { timeout: 60_000 }, async () => {
  const dir = await scratch("e2e");
  const server = await startServer();
  const context = await chromium.launchPersistentContext(dir, SETTINGS); // private windows install nothing
  try {
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByLabel("Your name").waitFor({ timeout: LIMIT_MS });
    const cdp = await context.newCDPSession(page);
    const { url, data, errors } = await cdp.send("Page.getAppManifest");
    assert.deepEqual(errors, []);
    assert.match(url, /\/a\/[^/]+\/app\.webmanifest$/);
    assert.equal(new URL(JSON.parse(data).start_url, server.url).href, `${server.url}/`);
    const { installabilityErrors } = await cdp.send("Page.getInstallabilityErrors");
    assert.deepEqual(installabilityErrors, []);
  } finally {
    await context.close();
    await server.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
});
