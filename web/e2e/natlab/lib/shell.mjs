import { spawn } from "node:child_process";

/** No command of the laboratory takes a second on an idle machine. */
const LIMIT_MS = 20_000;

/**
 * Runs a program to its end.
 * @param {string[]} argv @param {{input?: string, fails?: boolean}} [options]  fails: a failure is an answer, not an error
 * @returns {Promise<string>} what it printed
 */
export function run(argv, { input = "", fails = false } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ["pipe", "pipe", "pipe"], timeout: LIMIT_MS });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    child.once("error", fail);
    child.once("close", (code) => (code === 0 || fails ? done(out) : fail(new Error(`${argv.join(" ")}: ${code}\n${err}${input}`))));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Starts a program and waits for the words by which it says that it is ready. */
export async function start(argv, words, { limit = LIMIT_MS, ...options } = {}) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ["ignore", "pipe", "pipe"], ...options });
  const process = { child, log: "", ended: new Promise((done) => child.once("close", done)) };
  await new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`${argv.join(" ")}: not ready\n${process.log}`)), limit);
    const hear = (data) => {
      process.log += data;
      if (process.log.includes(words)) done(clearTimeout(timer));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", fail);
    child.once("close", () => fail(new Error(`${argv.join(" ")} ended\n${process.log}`)));
  }).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  return process;
}
