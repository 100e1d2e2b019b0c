// `make screenshots`: pictures of a server that runs, in light and dark, on a
// desktop and on a phone, in out/screenshots. No test: they are to be looked at.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { FLAGS, launch, person, SIZES } from "./lib/browser.mjs";
import { assertPlaying, LIMIT_MS, openDevices, signIn } from "./lib/call.mjs";
import { adminInvite, startServer } from "./lib/server.mjs";

const FOLDER = new URL("out/screenshots", import.meta.url).pathname;
const CAMERA = { width: 1280, height: 720, frameRate: 20 };

/** Ann's way through the pages, with Bob in the call. @param {(page: import("playwright-core").Page, name: string) => Promise<void>} take */
async function tour(browser, server, settings, take) {
  const context = { ...settings, ignoreHTTPSErrors: true };
  const [ann, bob] = await Promise.all([context, { ...SIZES.laptop, ignoreHTTPSErrors: true }].map((of) => person(browser, server.url, { context: of, camera: CAMERA })));
  const shoot = (name) => take(ann, name);
  await ann.goto(server.url);
  await ann.getByLabel("Your name").waitFor();
  await shoot("signin");
  await signIn(ann, server.url, "Ann");
  await signIn(bob, server.url, "Bob");
  await ann.getByRole("button", { name: "Video call with Bob", exact: true }).waitFor({ timeout: LIMIT_MS });
  await shoot("home");

  const room = `${server.url}/r/garden-table`;
  await ann.goto(room);
  const join = ann.getByRole("button", { name: "Join", exact: true });
  await openDevices(ann, join);
  await ann.waitForTimeout(1500); // the fake camera's first picture is black
  await shoot("lobby");
  await join.click();
  await bob.goto(room);
  await bob.getByRole("button", { name: "Join", exact: true }).click({ timeout: LIMIT_MS });
  await assertPlaying(ann, "Bob");
  await ann.getByRole("button", { name: /Direct/ }).waitFor({ timeout: LIMIT_MS });
  await ann.waitForTimeout(4000); // until the estimate of the line allows a sharp picture
  await shoot("call");
  await administration(browser, server, context, take);

  await ann.goto(`${server.url}/test`);
  await ann.getByRole("button", { name: "Test again" }).waitFor({ timeout: 3 * LIMIT_MS });
  await shoot("test");
  await Promise.all([ann, bob].map((page) => page.context().close()));
}

/** What an administrator sees of that call. */
async function administration(browser, server, context, take) {
  const root = await person(browser, server.url, { context });
  await root.goto(`${server.url}/admin${await adminInvite(server, "Root")}`);
  await root.getByRole("cell", { name: "garden-table" }).first().waitFor({ timeout: LIMIT_MS });
  await root.waitForFunction(() => /\d/.test(document.querySelector("[data-figure=up] dd")?.textContent ?? "")); // rates need two answers
  await take(root, "admin");
  await root.context().close();
}

await mkdir(FOLDER, { recursive: true });
// The relay over TLS meets a certificate of the server's own making.
const browser = await launch({ args: [...FLAGS, "--ignore-certificate-errors"] });
try {
  for (const theme of ["light", "dark"]) {
    for (const [size, settings] of Object.entries({ desktop: SIZES.laptop, phone: SIZES.phone })) {
      const server = await startServer({ tls: { mode: "self-signed" } });
      try {
        await tour(browser, server, { ...settings, colorScheme: theme }, async (page, name) => {
          await page.waitForTimeout(400); // until transitions have ended
          const fullPage = name === "test" || name === "admin";
          await page.screenshot({ path: path.join(FOLDER, `${name}-${theme}-${size}.png`), fullPage });
        });
      } finally {
        await server.stop();
      }
    }
  }
} finally {
  await browser.close();
}
console.log(`The pictures are in ${path.relative(path.resolve(import.meta.dirname, "../.."), FOLDER)}.`);
