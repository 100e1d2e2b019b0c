import assert from "node:assert/strict";
import { violations } from "./axe.mjs";

/** Pictures of every page, to be looked at; not compared with anything. */
export const OUT = new URL("../out/", import.meta.url).pathname;

/** Lets transitions end, takes a picture, and asks axe. */
export async function inspect(page, name, look) {
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${OUT}${name}-${look}.png` });
  assert.deepEqual(await violations(page), [], name);
}
