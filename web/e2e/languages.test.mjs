import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { LIMIT_MS } from "./lib/call.mjs";
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

const worn = (page) => page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);

test("the browser's language is taken at first, and followed; one that is chosen stands", { timeout: 120_000 }, async () => {
  const ann = await person(browser, server.url, { context: { locale: "ar" } });
  await ann.goto(server.url);
  await ann.getByRole("button", { name: "متابعة" }).waitFor({ timeout: LIMIT_MS });
  assert.deepEqual(await worn(ann), ["ar", "rtl"]);
  /** @returns whether another language was asked for */
  const change = (lang) => ann.evaluate((wanted) => {
    Object.defineProperty(navigator, "languages", { value: [wanted], configurable: true });
    const { fetch } = window;
    let asked = false;
    window.fetch = (...args) => ((asked = true), fetch(...args));
    dispatchEvent(new Event("languagechange"));
    window.fetch = fetch;
    return asked;
  }, lang);
  assert.equal(await change("de-AT"), true);
  await ann.getByRole("button", { name: "Weiter" }).waitFor();
  assert.deepEqual(await worn(ann), ["de", "ltr"]);
  await ann.getByLabel("Sprache").selectOption("English");
  await ann.getByRole("button", { name: "Continue" }).waitFor();
  assert.equal(await change("ar"), false);
  assert.deepEqual(await worn(ann), ["en", "ltr"]);
  await ann.reload();
  await ann.getByRole("button", { name: "Continue" }).waitFor({ timeout: LIMIT_MS });
  await ann.getByLabel("Language").selectOption("العربية");
  await ann.getByRole("button", { name: "متابعة" }).waitFor();
  assert.deepEqual(await worn(ann), ["ar", "rtl"]);
  assertNoFaults(ann);
  await ann.context().close();
});
