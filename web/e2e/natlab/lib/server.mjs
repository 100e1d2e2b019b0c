import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { BIN, ENV, toml } from "../../lib/server.mjs";
import { SERVER, SERVER2, SERVER6 } from "./lab.mjs";
import { run, start } from "./shell.mjs";

/** A throw-away authority and the server's certificate, made out to its addresses. @param {string} dir */
async function certificates(dir) {
  const [ca, key, request, extensions] = ["ca.crt", "ca.key", "server.csr", "server.ext"].map((name) => path.join(dir, name));
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = { ca, cert: path.join(dir, "server.crt"), key: path.join(dir, "server.key") };
  await writeFile(extensions, `subjectAltName=IP:${SERVER},IP:${SERVER2},IP:${SERVER6}\nextendedKeyUsage=serverAuth\n`);
  await run(["openssl", "req", "-x509", ...ec, "-days", "2", "-subj", "/CN=Laboratory", "-keyout", key, "-out", ca]);
  await run(["openssl", "req", ...ec, "-subj", "/CN=server", "-keyout", files.key, "-out", request]);
  await run(["openssl", "x509", "-req", "-days", "2", "-CA", ca, "-CAkey", key, "-CAcreateserial", "-extfile", extensions, "-in", request, "-out", files.cert]);
  return files;
}

/** The real binary, alone on its machine of the laboratory, with TLS on 443 and nothing in front of it. */
export class Server {
  url = `https://${SERVER}`;
  url6 = `https://[${SERVER6}]`;
  log = "";
  #life = null;

  /** @param {import("./lab.mjs").Lab} lab @param {object} [config] */
  static async open(lab, config = {}) {
    const server = new Server();
    server.lab = lab;
    server.dir = path.join(lab.dir, "server");
    await mkdir(server.dir);
    server.files = await certificates(server.dir);
    await server.start(config);
    return server;
  }

  /** @param {Record<string, Record<string, unknown>>} [config]  keys beside the usual ones; those of the last start when left out */
  async start(config) {
    if (config) await this.#configure(config);
    const argv = this.lab.in("server", [BIN, "serve", "-config", path.join(this.dir, "config.toml")]);
    this.#life = await start(argv, "Parley is ready", { cwd: this.dir, env: ENV });
    this.log += `--- a new life\n`;
    const life = this.#life;
    life.child.once("close", () => (this.log += life.log));
  }

  /** Everything that was said so far. */
  get said() {
    return this.log + (this.#life?.log ?? "");
  }

  /** As when the power fails. */
  kill = () => this.#end("SIGKILL");
  stop = () => this.#end("SIGTERM");

  async #end(signal) {
    const life = this.#life;
    this.#life = null;
    life?.child.kill(signal);
    await life?.ended;
  }

  /** Starts with other settings and no memory. @param {object} config */
  async anew(config) {
    await this.stop();
    await rm(path.join(this.dir, "data"), { recursive: true, force: true });
    await this.start(config);
  }

  #configure(config) {
    const sections = {
      http: { listen: ":443" },
      tls: { mode: "files", cert: this.files.cert, key: this.files.key },
      auth: { mode: "open" },
      // Documentation addresses are nobody's, so that the relay refuses them unless told otherwise.
      relay: { listen: ":3478", external_ip: SERVER, allowed_peers: ["198.51.100.0/24", "203.0.113.0/24"] },
      shutdown: { grace: "1s" },
    };
    for (const [name, keys] of Object.entries(config)) sections[name] = { ...sections[name], ...keys };
    return writeFile(path.join(this.dir, "config.toml"), `data_dir = ${JSON.stringify(path.join(this.dir, "data"))}\n\n${toml(sections)}`);
  }
}
