import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { until } from "../lib/call.mjs";
import { scratch } from "../lib/scratch.mjs";
import { Lab, SERVER } from "./lib/lab.mjs";
import { run } from "./lib/shell.mjs";

const TIMEOUT = { timeout: 60_000 };

/** What the laboratory must not touch: links and rules of the machine itself. */
const machine = async () => [await run(["ip", "-o", "link"]), await run(["nft", "list", "ruleset"])];
const namespaces = async (prefix) => (await run(["ip", "netns", "list"])).split("\n").filter((line) => new RegExp(`^${prefix}-`).test(line));

test("two laboratories stand side by side and leave nothing", TIMEOUT, async () => {
  const before = await machine();
  const labs = await Promise.all([Lab.open(), Lab.open()]);
  const [first, second] = labs;
  assert.notEqual(first.prefix, second.prefix);
  // Something that does not end by itself, in one of them.
  const sleeper = spawn("ip", ["netns", "exec", first.ns("a"), "sleep", "1000"]);
  const ended = new Promise((done) => sleeper.once("close", (code, signal) => done(signal)));
  await first.exec("a", ["sh", "-c", `ip route get ${SERVER}`]);
  assert.deepEqual(await machine(), before);
  await first.close();
  assert.equal(await ended, "SIGKILL");
  assert.deepEqual(await namespaces(first.prefix), []);
  assert.equal((await namespaces(second.prefix)).length, 7);
  await second.close();
  for (const lab of labs) {
    assert.deepEqual(await namespaces(lab.prefix), []);
    for (const left of [lab.dir, `/etc/netns/${lab.ns("a")}`]) assert.equal(existsSync(left), false, left);
  }
  assert.deepEqual(await machine(), before);
});

/** A maker that says what it has made, and goes on until it is killed. */
const MAKER = `
  const { Lab } = await import(${JSON.stringify(new URL("lib/lab.mjs", import.meta.url).href)});
  const lab = await Lab.open();
  console.log(JSON.stringify({ prefix: lab.prefix, dir: lab.dir }));
  setInterval(() => {}, 1000);`;

for (const signal of ["SIGINT", "SIGKILL"]) {
  test(`a laboratory whose maker ends by ${signal} goes away`, TIMEOUT, async () => {
    const maker = spawn(process.execPath, ["--input-type=module", "-e", MAKER], { stdio: ["ignore", "pipe", "inherit"] });
    const { prefix, dir } = JSON.parse(await new Promise((done) => maker.stdout.once("data", done)));
    assert.equal((await namespaces(prefix)).length, 7);
    maker.kill(signal);
    await until("nothing is left", async () => (await namespaces(prefix)).length === 0 && !existsSync(dir));
  });
}

test("a laboratory whose set-up fails half-way leaves nothing", TIMEOUT, async () => {
  const tools = await scratch("tools");
  const { PATH } = process.env;
  const mine = () => namespaces(`parley${process.pid}x\\d+`);
  try {
    // By the first rules that are to be set, all the hosts stand.
    await writeFile(path.join(tools, "nft"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    process.env.PATH = `${tools}:${PATH}`;
    await assert.rejects(Lab.open(), /nft/);
  } finally {
    process.env.PATH = PATH;
    await rm(tools, { recursive: true });
  }
  assert.deepEqual(await mine(), []);
});
