import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/**
 * A folder for what a test keeps, with our process id in its name. Those of
 * runs that were killed before they could remove theirs are removed.
 * @param {string} kind
 */
export async function scratch(kind) {
  for (const name of await readdir(os.tmpdir())) {
    const maker = /^parley-(?:e2e|signin|files|tools)-(\d+)-\w{6}$/.exec(name)?.[1];
    if (maker && !lives(Number(maker))) await rm(path.join(os.tmpdir(), name), { recursive: true, force: true });
  }
  return mkdtemp(path.join(os.tmpdir(), `parley-${kind}-${process.pid}-`));
}

/** @param {number} pid */
function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
}
