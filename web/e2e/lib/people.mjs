import { person } from "./browser.mjs";
import { signIn } from "./call.mjs";

/**
 * Some people on the start page, signed in one after the other, and away with
 * them afterwards.
 * @param {import("playwright-core").Browser} browser @param {{url: string, log: string}} server
 * @param {string[]} names @param {(...pages: import("playwright-core").Page[]) => Promise<void>} run
 */
export async function gathered(browser, server, names, run) {
  const pages = await Promise.all(names.map(() => person(browser, server.url)));
  try {
    await Promise.all(pages.map((page, i) => signIn(page, server.url, names[i])));
    await run(...pages);
  } catch (error) {
    error.message += `\nserver:\n${server.log.slice(-3000)}`;
    throw error;
  } finally {
    await Promise.all(pages.map((page) => page.context().close()));
  }
}

/** A call from the list. */
export const callButton = (page, name, kind = "Video") => page.getByRole("button", { name: `${kind} call with ${name}`, exact: true });
export const ringOf = (page) => page.getByRole("alertdialog");
