import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { AXE, violations } from "./lib/axe.mjs";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { LIMIT_MS } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";

/** Pictures to be looked at; not compared with anything. */
const OUT = new URL("out/", import.meta.url).pathname;

let browser, server;
before(async () => {
  await mkdir(OUT, { recursive: true });
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const narrow = { viewport: { width: 320, height: 640 }, hasTouch: true };
const LOOKS = [
  { lang: "ar", name: "laptop", settings: { ...SIZES.laptop, colorScheme: "dark" } },
  { lang: "ar", name: "phone", settings: { ...SIZES.phone, colorScheme: "light" } },
  { lang: "de", name: "narrow", settings: { ...narrow, colorScheme: "light", reducedMotion: "reduce" } },
  { lang: "en-XA", name: "phone", settings: { ...SIZES.phone, colorScheme: "dark" } },
  // A window of 1280 at 200 % is one of 640; forced colours as Windows has them.
  { lang: "en-XA", name: "zoomed", settings: { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, forcedColors: "active" } },
];

/** Nothing against it from axe, nothing beyond its edges, and a picture. */
async function inspect(page, name, look) {
  await page.waitForTimeout(300);
  await page.screenshot({ path: `${OUT}${name}-${look}.png` });
  assert.deepEqual(await violations(page), [], `${name} ${look}`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} ${look} is wider than its window`);
}

for (const { lang, name, settings } of LOOKS) {
  test(`pages in ${lang}, ${name}`, { timeout: 120_000 }, async () => {
    const look = `${lang}-${name}`;
    const ann = await person(browser, server.url, { context: { ...settings, locale: lang } });
    await ann.context().addInitScript(AXE);
    await ann.goto(server.url);
    await ann.locator("#name").waitFor({ timeout: LIMIT_MS });
    assert.deepEqual(await ann.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [lang, lang === "ar" ? "rtl" : "ltr"]);
    await inspect(ann, "signin", look);
    await ann.locator("#name").fill(`${lang === "ar" ? "ليلى" : "Ann"} ${name}`);
    await ann.keyboard.press("Enter");
    await ann.locator(".whoami").waitFor({ timeout: LIMIT_MS });
    await inspect(ann, "home", look);
    for (const [path, there] of [["about", "h1"], ["test", ".check-summary"], ["admin", ".message"]]) {
      await ann.goto(`${server.url}/${path}`);
      await ann.locator(there).first().waitFor({ timeout: LIMIT_MS });
      await inspect(ann, path, look);
    }
    await ann.goto(`${server.url}/r/words-${look}`);
    await ann.locator(".button-big").waitFor({ timeout: LIMIT_MS });
    await inspect(ann, "lobby", look);
    await ann.locator(".button-big").click();
    await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
    await inspect(ann, "alone", look);
    await ann.locator(".controls button", { has: ann.locator("use[href$='#chat']") }).click();
    await ann.locator(".chat textarea").fill("مرحبا https://h.example/");
    await ann.keyboard.press("Enter");
    await ann.locator(".chat-text a").waitFor();
    await inspect(ann, "chat", look);
    assertNoFaults(ann);
    await ann.context().close();
  });
}

test("a language is chosen at the foot of a page, and remembered", { timeout: 60_000 }, async () => {
  const ann = await person(browser, server.url);
  await ann.goto(server.url);
  await ann.getByLabel("Language").selectOption("العربية");
  await ann.getByRole("button", { name: "متابعة" }).waitFor();
  await ann.reload();
  await ann.getByRole("button", { name: "متابعة" }).waitFor();
  assert.equal(await ann.evaluate(() => document.documentElement.dir), "rtl");
  await ann.getByLabel("اللغة").selectOption("Deutsch");
  await ann.getByRole("button", { name: "Weiter" }).waitFor();
  assert.equal(await ann.evaluate(() => document.documentElement.dir), "ltr");
  assertNoFaults(ann);
  await ann.context().close();
});
