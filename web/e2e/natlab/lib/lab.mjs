import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { NATS, router, server as firewall, watch } from "./rules.mjs";
import { run, start } from "./shell.mjs";

/**
 * The world of the tests:
 *
 *     a ─ home-a ──┐
 *     a ─ isp ─────┤
 *                  ├─ wan ─ server
 *     b ─ home-b ──┤
 *     b ─ isp ─────┘
 *
 * Each client has a cable to its own home, to the other's home, and to the mobile operator (isp), of which one is
 * plugged in. Each home can also go online through the operator: then there are two NATs one behind the other.
 */
export const SERVER = "198.51.100.10";
export const SERVER2 = "198.51.100.11";
export const SERVER6 = "2001:db8::10";
const WAN = "198.51.100.1";

/** What is different about the two sides. */
const SIDES = {
  a: { home: "198.51.100.21", home6: "2001:db8::21", lan: "10.0.1", isp: "100.64.0.21", mobile: "100.64.0.2", open: "203.0.113.0/28", gw: "203.0.113.1", host: "203.0.113.2", lan6: "2001:db8:a", other: "b" },
  b: { home: "198.51.100.22", home6: "2001:db8::22", lan: "10.0.2", isp: "100.64.0.22", mobile: "100.64.0.3", open: "203.0.113.16/28", gw: "203.0.113.17", host: "203.0.113.18", lan6: "2001:db8:b", other: "a" },
};
const ISP = "198.51.100.31";

const SETTLE_LIMIT_MS = 10_000;

let count = 0;

/** Network namespaces with everything in them. It goes away with `close`, and with this process. */
export class Lab {
  /** @returns {Promise<Lab>} */
  static async open() {
    const lab = new Lab();
    lab.prefix = `parley${process.pid}x${count++}`;
    lab.dir = await mkdtemp(path.join(os.tmpdir(), "parley-natlab-"));
    await chmod(lab.dir, 0o755);
    const guard = path.join(import.meta.dirname, "guard.sh");
    lab.guard = spawn(guard, [lab.prefix, lab.dir], { stdio: ["pipe", "ignore", "inherit"], detached: true });
    lab.cables = {};
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Ends every process inside and leaves nothing. */
  async close() {
    const gone = new Promise((done) => this.guard.once("close", done));
    this.guard.stdin.end();
    await gone;
  }

  /** @param {string} host */
  ns = (host) => `${this.prefix}-${host}`;

  /** The command line that runs one inside a host. @param {string} host @param {string[]} argv */
  in = (host, argv) => ["ip", "netns", "exec", this.ns(host), ...argv];

  /** @param {string} host @param {string[]} argv @param {object} [options] */
  exec = (host, argv, options) => run(this.in(host, argv), options);

  /** Several `ip` commands at once. @param {string} host @param {string} commands */
  ip = (host, commands) => run(["ip", "-n", this.ns(host), "-batch", "-"], { input: commands.replace(/^\s+/gm, "") });

  /** @param {string} host @param {string} rules */
  nft = (host, rules) => this.exec(host, ["nft", "-f", "-"], { input: rules });

  async #build() {
    for (const host of ["wan", "server", "home-a", "home-b", "isp", "a", "b"]) await this.#host(host);
    await this.#wan();
    for (const side of ["a", "b"]) await this.#home(side);
    await this.#operator();
    for (const side of ["a", "b"]) await this.#client(side);
    await Promise.all(["a", "b"].map((side) => this.place(side, "cone")));
  }

  /** @param {string} host */
  async #host(host) {
    const etc = `/etc/netns/${this.ns(host)}`;
    await mkdir(etc, { recursive: true });
    await writeFile(`${etc}/hosts`, "127.0.0.1 localhost\n::1 localhost\n");
    await writeFile(`${etc}/resolv.conf`, `nameserver ${SERVER}\noptions timeout:1 attempts:1\n`);
    await run(["ip", "netns", "add", this.ns(host)]);
    // Addresses are used at once; frames on a bridge are no business of its packet filter.
    await this.exec(host, ["sh", "-c", `
      cd /proc/sys/net
      for f in ipv6/conf/all ipv6/conf/default; do echo 0 > $f/accept_dad; echo 0 > $f/accept_ra; done
      [ ! -e bridge/bridge-nf-call-iptables ] || echo 0 > bridge/bridge-nf-call-iptables
      case ${host} in home-*|isp) echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding;; esac
      ip link set lo up`]);
  }

  /** A cable between two hosts. @param {string} host @param {string} name @param {string} far @param {string} farName */
  #link(host, name, far, farName) {
    return `link add name ${name} type veth peer name ${farName} netns ${this.ns(far)}
      link set dev ${name} up\n`;
  }

  async #wan() {
    let commands = `link add name br0 type bridge mcast_snooping 0
      link set br0 up
      addr add ${WAN}/24 dev br0
      addr add 2001:db8::1/64 dev br0 nodad\n`;
    for (const [host, name] of [["server", "server"], ["home-a", "a"], ["home-b", "b"], ["isp", "isp"]]) {
      commands += `${this.#link("wan", name, host, "wan")}link set dev ${name} master br0\n`;
    }
    await this.ip("wan", commands);
    // The default route swallows what has no way, like the internet does.
    await this.ip("server", `
      link set wan up
      addr add ${SERVER}/24 dev wan
      addr add ${SERVER2}/24 dev wan
      addr add ${SERVER6}/64 dev wan nodad
      ${this.#toOpen()}
      route add default via ${WAN}
      route add ::/0 via 2001:db8::1`);
  }

  /** Routes to the homes that have addresses of the internet. */
  #toOpen(but = "") {
    return Object.entries(SIDES).filter(([side]) => side !== but).map(([, s]) => `
      route replace ${s.open} via ${s.home}
      route replace ${s.lan6}::/64 via ${s.home6}`).join("\n");
  }

  /** @param {"a" | "b"} side */
  async #home(side) {
    const s = SIDES[side];
    await this.ip(`home-${side}`, `
      link add name lan type bridge mcast_snooping 0
      link set lan up
      addr add ${s.lan}.1/24 dev lan
      addr add ${s.gw}/28 dev lan
      addr add ${s.lan6}::1/64 dev lan nodad`);
  }

  /** The way of a home to the internet: its own, or through the operator. @param {"a" | "b"} side */
  #online(side, operator = false) {
    const s = SIDES[side];
    return this.ip(`home-${side}`, operator ? `addr flush dev wan scope global
      link set isp up
      route replace default via 100.64.0.1` : `link set isp down
      link set wan up
      addr replace ${s.home}/24 dev wan
      addr replace ${s.home6}/64 dev wan nodad
      ${this.#toOpen(side)}
      route replace default via ${WAN}
      route replace ::/0 via 2001:db8::1`);
  }

  /** The operator's own LAN, with both homes and both telephones on it. */
  async #operator() {
    let commands = `link set wan up
      addr add ${ISP}/24 dev wan
      link add name lan type bridge mcast_snooping 0
      link set lan up
      addr add 100.64.0.1/24 dev lan
      ${this.#toOpen().replace(/.*::.*/g, "")}
      route add default via ${WAN}\n`;
    for (const side of ["a", "b"]) {
      commands += `${this.#link("isp", side, `home-${side}`, "isp")}link set dev ${side} master lan\n`;
    }
    await this.ip("isp", commands);
    for (const side of ["a", "b"]) {
      await this.ip(`home-${side}`, `addr add ${SIDES[side].isp}/24 dev isp`);
    }
    await this.nft("isp", router(NATS.symmetric));
  }

  /** @param {"a" | "b"} side */
  async #client(side) {
    const { other } = SIDES[side];
    for (const [host, name, port] of [[`home-${side}`, "own", "home"], [`home-${other}`, "guest", "guest"], ["isp", `m${side}`, "mobile"]]) {
      await this.ip(host, `${this.#link(host, name, side, port)}link set dev ${name} master lan`);
    }
    await this.nft(side, watch(
      [SERVER, SERVER2, ...Object.values(SIDES).flatMap((s) => [s.home, s.host, s.isp, s.mobile, `${s.lan}.0/24`]), ISP],
      [SERVER6, ...Object.values(SIDES).map((s) => `${s.lan6}::/64`)],
    ));
  }

  /**
   * Puts a client somewhere; mappings of before are forgotten.
   * @param {"a" | "b"} side
   * @param {string} place  a NAT of its home by name; "double": its home goes online through the operator; "mobile": with the
   *   operator, whose NAT is symmetric; "same": in the other's home; "ipv6": at home without IPv4
   * @param {{loss?: number}} [options]  loss: percent, in the home's router
   */
  async place(side, place, { loss = 0 } = {}) {
    const s = SIDES[side];
    const home = `home-${side}`;
    if (NATS[place] || place === "double") await this.nft(home, router(NATS[place] ?? NATS.cone, loss));
    if (place === "ipv6") await this.nft(home, router(NATS.cone, loss));
    await this.#online(side, place === "double");
    const v4 = (dev, address, gw) => `link set dev ${dev} up
      addr add ${address} dev ${dev}
      route add default via ${gw}`;
    const plugs = {
      none: v4("home", `${s.host}/28`, s.gw),
      mobile: v4("mobile", `${s.mobile}/24`, "100.64.0.1"),
      same: v4("guest", `${SIDES[s.other].lan}.3/24`, `${SIDES[s.other].lan}.1`),
      ipv6: `link set home up
        addr add ${s.lan6}::2/64 dev home nodad
        route add ::/0 via ${s.lan6}::1`,
    };
    await this.ip(side, `${["home", "guest", "mobile"].map((dev) => `link set dev ${dev} down
      addr flush dev ${dev}`).join("\n")}
      ${plugs[place] ?? v4("home", `${s.lan}.2/24`, `${s.lan}.1`)}`);
    await this.#settled(side);
    await this.forget();
  }

  /** A browser that is started before its cable stands breaks off what it has begun by then. */
  async #settled(side) {
    for (const end = Date.now() + SETTLE_LIMIT_MS; ; await new Promise((done) => setTimeout(done, 20))) {
      const links = JSON.parse(await this.exec(side, ["ip", "-j", "addr"]));
      const up = links.filter(({ link_type, flags }) => link_type === "ether" && flags.includes("UP"));
      const ready = ({ operstate, addr_info }) => operstate === "UP" && addr_info.some(({ scope, tentative }) => scope === "link" && !tentative);
      if (up.every(ready)) return;
      if (Date.now() > end) throw new Error(`the cable of ${side} does not come up: ${JSON.stringify(up)}`);
    }
  }

  /** All routers forget their mappings. */
  async forget() {
    await Promise.all(["home-a", "home-b", "isp"].map((host) => this.exec(host, ["conntrack", "-F"], { fails: true })));
  }

  /** Breaks the server's connections with one side, as a middlebox does. @param {"a" | "b"} side */
  breakTcp = (side) => this.exec("server", ["ss", "-K", "-t", "state", "established", "dst", SIDES[side].home]);

  /** Closes ports of the server, or opens all. @param {string[]} ports  as "udp dport 3478" */
  shut = (ports) => this.nft("server", firewall(ports));

  /**
   * Makes the way of one side to the internet longer, each way, or as before.
   * @param {"a" | "b"} side @param {number} ms
   */
  async delay(side, ms) {
    const before = this.cables[side];
    if (before) {
      before.child.kill("SIGKILL");
      await before.ended;
      delete this.cables[side];
      await this.ip("wan", `link del dev ${side}x
        link set dev ${side} master br0`);
    }
    if (!ms) return;
    await this.ip("wan", `link add name ${side}x type veth peer name ${side}y
      link set dev ${side} nomaster
      link set dev ${side}x up
      link set dev ${side}y up
      link set dev ${side}y master br0`);
    const cable = path.join(import.meta.dirname, "cable.py");
    this.cables[side] = await start(this.in("wan", ["/usr/bin/python3", cable, side, `${side}x`, String(ms)]), "ready");
  }

  /**
   * How much passes each way between a home and the internet, or as much as can.
   * @param {"a" | "b"} side @param {number} kbit  a second; 0 for no limit
   */
  async rate(side, kbit) {
    for (const dev of ["wan", "own"]) {
      await this.exec(`home-${side}`, ["tc", "qdisc", "del", "dev", dev, "root"], { fails: true });
      if (kbit) await this.exec(`home-${side}`, ["tc", "qdisc", "add", "dev", dev, "root", "tbf", "rate", `${kbit}kbit`, "burst", "4kb", "latency", "300ms"]);
    }
  }

  /** @param {"a" | "b"} side @returns {Promise<string[]>} whom the client has sent to although nobody told it to */
  async strangers(side) {
    const found = await Promise.all(["strangers4", "strangers6"].map(async (set) => {
      const { nftables } = JSON.parse(await this.exec(side, ["nft", "-j", "list", "set", "inet", "lab", set]));
      return nftables.find((item) => item.set).set.elem ?? [];
    }));
    return found.flat().map((element) => (element.elem?.val ?? element).concat.join(" "));
  }
}
