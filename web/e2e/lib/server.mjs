import { spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { scratch } from "./scratch.mjs";

export const BIN = path.resolve(process.env.PARLEY_BIN ?? new URL("../../../bin/parley", import.meta.url).pathname);
/** The server takes PARLEY_… for configuration; ours are not meant for it. */
export const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLEY_")));
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 15_000;

/** @returns {Promise<number>} a TCP port of loopback that was free a moment ago */
function freePort() {
  return new Promise((done, fail) => {
    const probe = net.createServer();
    probe.once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

/** @param {Record<string, Record<string, unknown>>} sections */
export const toml = (sections) =>
  Object.entries(sections)
    .map(([name, keys]) => `[${name}]\n${Object.entries(keys).map(([k, v]) => `${k} = ${JSON.stringify(v)}`).join("\n")}\n`)
    .join("\n");

/**
 * Starts the real binary on free ports with a data directory of its own.
 * @param {Record<string, Record<string, unknown>>} [config]  keys beside the addresses
 */
export async function startServer(config = {}) {
  const dir = await scratch("e2e");
  const [http, relay, admin] = await Promise.all([freePort(), freePort(), freePort()]);
  const sections = {
    http: { listen: `127.0.0.1:${http}` },
    auth: { mode: "open" },
    admin: { listen: `127.0.0.1:${admin}` },
    shutdown: { grace: "1s" },
    relay: { listen: `127.0.0.1:${relay}` },
  };
  for (const [name, keys] of Object.entries(config)) sections[name] = { ...sections[name], ...keys };
  const file = path.join(dir, "config.toml");
  await writeFile(file, `data_dir = ${JSON.stringify(path.join(dir, "data"))}\n\n${toml(sections)}`);
  const scheme = sections.tls ? "https" : "http";
  const server = { url: `${scheme}://localhost:${http}`, log: "", relay, admin, dir };
  let life = await run(server, file);
  server.restart = async () => {
    await life.stop();
    life = await run(server, file);
  };
  server.stop = async () => {
    await life.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return server;
}

/** One life of the process, which ends with ours, also when that is killed. */
async function run(server, file) {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", BIN, "serve", "-config", file], { cwd: server.dir, env: ENV, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => child.once("exit", done));
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (server.log += data));
  await ready(server, child);
  return {
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Polls /healthz until the server answers, on the one listener that never speaks TLS. */
async function ready(server, child) {
  for (const end = Date.now() + START_LIMIT_MS; Date.now() < end; ) {
    if (child.exitCode !== null) break;
    const answer = await fetch(`http://127.0.0.1:${server.admin}/healthz`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  child.kill("SIGKILL");
  throw new Error(`the server did not start:\n${server.log}`);
}

/** @param {{dir: string, admin: number}} server @param {string} name @returns {Promise<string>} the fragment of an invite that makes its holder an administrator */
export async function adminInvite(server, name) {
  const token = (await readFile(path.join(server.dir, "data", "admin-token"), "utf8")).trim();
  const answer = await fetch(`http://127.0.0.1:${server.admin}/admin/api/invites`, {
    method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: JSON.stringify({ name, role: "admin" }),
  });
  return `#t=${(await answer.json()).token}`;
}
