import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ENV } from "../../lib/server.mjs";
import { assertNoFaults, launch, person } from "../../lib/browser.mjs";
import { enter } from "../../lib/call.mjs";
import { Lab } from "./lab.mjs";
import { Server } from "./server.mjs";
import { run } from "./shell.mjs";

const OUT = path.resolve(import.meta.dirname, "../../out/natlab");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Small pictures: the laboratory is about ways, and two cores play two calls badly. */
const CAMERA = { width: 320, height: 180, frameRate: 15 };
/** Places in which a client keeps its address: only the router in front of it changes. */
const HOME = new Set(["cone", "symmetric", "udp-blocked", "443-only", "double"]);
/** What the browser itself writes down while it does not reach the server. */
const UNREACHABLE = /WebSocket connection to .* failed|net::ERR_/;
/** Of each message to and from the server so much is kept for the record of a failure: what it is, and an address. */
const LONGEST = 400;
const plugOf = (place) => (HOME.has(place) ? "home" : place);

/** A laboratory with the server and a browser at each of the two places. */
export class World {
  #browsers = {};
  #plugs = {};
  #calls = 0;

  /** @param {object} [config]  of the server */
  static async open(config) {
    const world = new World();
    world.lab = await Lab.open();
    // What a browser leaves behind when it is killed goes with the laboratory.
    process.env.TMPDIR = world.lab.dir;
    try {
      world.server = await Server.open(world.lab, config);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async close() {
    delete process.env.TMPDIR;
    await Promise.all(Object.values(this.#browsers).map((browser) => browser.close()));
    await this.server?.stop();
    await this.lab.close();
  }

  /** @param {"a" | "b"} side @param {string} place @param {{loss?: number}} [options] */
  async place(side, place, options) {
    await this.lab.place(side, place, options);
    if (this.#plugs[side] === plugOf(place)) return;
    // Some seconds after its address has changed a browser breaks off what it has begun since: a new one does not.
    await this.#browsers[side]?.close();
    this.#browsers[side] = await this.#launch(side);
    this.#plugs[side] = plugOf(place);
  }

  /** Lets the running browser live through the change. @param {"a" | "b"} side @param {string} place */
  async move(side, place) {
    await this.lab.place(side, place);
    this.#plugs[side] = "moved";
  }

  /** @param {"a" | "b"} side */
  async #launch(side) {
    const home = path.join(this.lab.dir, side);
    const wrapper = path.join(this.lab.dir, `chromium-${side}`);
    const store = `${home}/.pki/nssdb`;
    if (this.#plugs[side] === undefined) {
      await mkdir(store, { recursive: true });
      await run(["certutil", "-d", `sql:${store}`, "-N", "--empty-password"]);
      await run(["certutil", "-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "laboratory", "-i", this.server.files.ca]);
      await writeFile(wrapper, `#!/bin/sh\nexec ip netns exec ${this.lab.ns(side)} ${CHROMIUM} "$@"\n`);
      await chmod(wrapper, 0o755);
    }
    return launch({ executablePath: wrapper, env: { ...ENV, HOME: home } });
  }

  /** One person with a page of its own; `welcomes` are the times at which the server was reached anew. @param {"a" | "b"} side */
  async person(side) {
    const url = this.#plugs[side] === "ipv6" ? this.server.url6 : this.server.url;
    const page = await person(this.#browsers[side], url, { camera: CAMERA });
    const welcomes = [];
    const said = [];
    const heard = (way) => ({ payload }) => {
      const now = Date.now();
      said.push(`${new Date(now).toISOString()} ${way} ${payload.slice(0, LONGEST)}`);
      if (way === "<" && payload.includes('"t":"welcome"')) welcomes.push(now);
    };
    page.on("websocket", (socket) => socket.on("framereceived", heard("<")).on("framesent", heard(">")));
    return Object.assign(page, { side, origin: url, welcomes, said });
  }

  /**
   * Two people at two places.
   * @param {{name: string}} test @param {{a: string, b: string, loss?: number}} places
   * @param {(a: import("playwright-core").Page, b: import("playwright-core").Page) => Promise<void>} act
   */
  async two(test, { a, b, loss }, act) {
    await this.place("a", a, { loss });
    await this.place("b", b);
    const pages = [await this.person("a"), await this.person("b")];
    const call = ++this.#calls;
    pages[0].called = `Ann ${call}`;
    pages[1].called = `Bob ${call}`;
    for (const page of pages) page.room = `${page.origin}/r/room-${call}`;
    try {
      await act(...pages);
    } catch (error) {
      error.message += `\nsee ${await this.#record(test.name, pages, error)}`;
      throw error;
    } finally {
      await Promise.all(pages.map((page) => page.context().close().catch(() => {})));
    }
  }

  /**
   * The same, in a call with each other.
   * @param {{name: string}} test
   * @param {{a: string, b: string, loss?: number, hideIp?: boolean, cut?: boolean}} places  cut: the way to the server breaks
   * @param {Function} act
   */
  call(test, { hideIp, cut, ...places }, act) {
    return this.two(test, places, async (ann, bob) => {
      await enter(ann, ann.room, ann.called, { hideIp });
      await enter(bob, bob.room, bob.called, { hideIp });
      await act(ann, bob);
      if (cut) for (const page of [ann, bob]) page.faults = page.faults.filter((fault) => !UNREACHABLE.test(fault));
      assertNoFaults(ann, bob);
    });
  }

  /** All that may tell why, in a folder. */
  async #record(name, pages, error) {
    const dir = path.join(OUT, name.replace(/[^a-z0-9]+/gi, "-"));
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    const write = (file, text) => writeFile(path.join(dir, file), text);
    await write("error.txt", `${error.stack}\n`);
    await write("server.log", this.server.said);
    for (const page of pages) {
      await page.screenshot({ path: path.join(dir, `${page.called}.png`) }).catch(() => {});
      const seen = await page.evaluate(report).catch(String);
      await write(`${page.called}.txt`, page.said.join("\n"));
      await write(`${page.called}.json`, JSON.stringify({ faults: page.faults, connections: seen }, null, 1));
    }
    for (const host of ["server", "home-a", "home-b", "isp", "a", "b"]) {
      const look = "ip -br addr; ip route; ip -6 route; nft list ruleset; conntrack -L";
      await write(`${host}.txt`, await this.lab.exec(host, ["sh", "-c", `(${look}) 2>&1`], { fails: true }));
    }
    return path.relative(process.cwd(), dir);
  }
}

/** In the page: states, candidates and pairs of every connection there was. */
function report() {
  const wanted = new Set(["local-candidate", "remote-candidate", "candidate-pair", "transport", "inbound-rtp", "outbound-rtp"]);
  return Promise.all(window.connections.map(async (pc) => ({
    connection: pc.connectionState, ice: pc.iceConnectionState, signaling: pc.signalingState,
    stats: [...(await pc.getStats()).values()].filter((item) => wanted.has(item.type)),
  })));
}
