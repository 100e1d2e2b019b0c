import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { person } from "./browser.mjs";
import { LIMIT_MS } from "./call.mjs";

/** People who write and send files to each other in a call without devices. */

const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A file of that many bytes, which no packer makes smaller. */
export async function makeFile(dir, name, size) {
  const bytes = randomBytes(size);
  await writeFile(path.join(dir, name), bytes);
  return { path: path.join(dir, name), sum: sum(bytes) };
}

/** Without the question where to save, which nobody can answer here; `ram`: without private storage too. */
const places = ({ ram }) => {
  delete window.showSaveFilePicker;
  if (ram) delete window.FileSystemFileHandle.prototype.createWritable;
};

/** @param {{browser: import("playwright-core").Browser, server: {url: string}}} where */
export async function joined({ browser, server }, room, name, { ram = false, context } = {}) {
  const page = await person(browser, server.url, { noDevices: true, context });
  await page.context().addInitScript(places, { ram });
  await page.goto(`${server.url}/r/${room}`);
  await page.getByLabel("Your name").fill(`${name} ${room}`); // a guest's name is held for a while after its owner has gone
  await page.getByRole("button", { name: "Continue" }).click();
  await goIn(page);
  return page;
}

export async function goIn(page) {
  await page.getByRole("button", { name: /^Join/ }).last().click({ timeout: LIMIT_MS });
  await page.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
}

/** Everybody in one room, come at the same time. */
export const gather = (where, room, ...names) => Promise.all(names.map((name) => joined(where, room, name)));

export const openChat = async (page) => {
  await page.getByRole("button", { name: /^Chat/ }).click();
  await page.getByLabel("Write a message").waitFor();
};
export const say = async (page, text) => {
  await page.getByLabel("Write a message").fill(text);
  await page.keyboard.press("Enter");
};
export const log = (page) => page.locator(".chat-text").allTextContents();
export const connected = (page, name) => page.locator(`.tile[aria-label="${name}"][data-phase=connected]`).first().waitFor({ timeout: LIMIT_MS });

/** @param {string | string[] | object[]} files  paths, or what Playwright takes for files */
export const choose = (page, files) => page.getByLabel("Send files").first().setInputFiles(files);
/** Takes the file that is offered. */
export const take = (to) => to.getByRole("dialog").getByRole("button", { name: "Take it" }).click({ timeout: LIMIT_MS });
export const row = (page, name) => page.locator(`[data-name="${name}"]`);
export const state = (page, name) => row(page, name).getAttribute("data-state");
/** The moment a file has come so far. @param {string} [press]  a button of the page, pressed in that very moment: a file is quick */
export const reached = (page, name, least, press) =>
  page.waitForFunction(([file, wanted, label]) => {
    if (!((document.querySelector(`[data-name="${file}"] progress`)?.value ?? -1) >= wanted)) return false;
    if (!label) return true;
    const button = [...document.querySelectorAll("button")].find((b) => (b.ariaLabel ?? b.textContent).startsWith(label));
    button?.click();
    return button !== undefined;
  }, [name, least, press], { polling: 10, timeout: 120_000 });
export const content = async (download) => sum(await readFile(await download.path()));
