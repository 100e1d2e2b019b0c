import { reportedPath } from "./stats.js";

/**
 * @typedef {import("./member.js").Member} Member
 *
 * @typedef {object} RepairOptions
 * @property {import("./mesh.js").MeshSession} session
 * @property {import("./journal.js").Journal} journal
 * @property {() => number} now                      milliseconds
 * @property {(ice: import("../net/types.js").Ice) => void} setIce   fresh servers, for everybody
 * @property {(member: Member) => void} giveUp       it left according to the server, and its media does not come back
 * @property {() => void} back                       something arrives again
 */

/**
 * Does for the links of a room what the ladder of recover.js says is due, and
 * tells the server how links came to stand or did not: counts, no names.
 */
export class Repair {
  /** @param {RepairOptions} options */
  constructor(options) {
    this.o = options;
  }

  /** @param {Member} member */
  follow(member) {
    member.on("step", (step) => this.#step(member, step));
    member.on("connected", (ms) => this.#report(member, ms));
  }

  /** @param {Member} member @param {import("./recover.js").Step} step */
  #step(member, step) {
    const { link } = member;
    const first = !member.watch.connected;
    if (step !== "probe") this.o.journal.add(step === "rebuild" ? `rebuild after ${member.failedAt}` : step, member.peer.peer);
    if (member.gone && (step === "refresh" || step === "rebuild")) return this.o.giveUp(member);
    if (step === "probe") {
      link.ctl.send("ping");
      // When the own network is what has gone, the way to the server is needed first.
      this.o.session.probe();
    }
    if (step === "restart") link.mend();
    if (step === "renew" && !member.gone) link.rebuild({ tell: true });
    if (step === "refresh") void this.#refresh(member);
    if (step === "rebuild") {
      if (first && !member.relayed) this.#failed(member);
      link.rebuild({ tell: true, relay: !member.relayed });
      member.relayed = true;
    }
    if (step === "alive") {
      member.relayed = false;
      this.o.back();
    }
  }

  /** Fresh servers first: the old credential may be why nothing comes back. @param {Member} member */
  async #refresh(member) {
    try {
      const { ice } = await this.o.session.request("ice.get");
      this.o.setIce(ice);
    } catch {
      // The server is away too; the servers we have are the best there are.
    }
    member.link.restartIce();
  }

  /** @param {Member} member @param {number} ms */
  #report(member, ms) {
    if (!member.path) return;
    this.o.journal.add(`connected ${reportedPath(member.path)} after ${ms} ms`, member.peer.peer);
    this.#tell({ path: reportedPath(member.path), setup_ms: ms, step: null });
  }

  /** Never connected, and a new try is due. @param {Member} member */
  #failed(member) {
    const ms = Math.round(this.o.now() - member.link.since);
    this.#tell({ path: "failed", setup_ms: ms, step: member.failedAt });
  }

  /** The server takes one report a minute from each person; what it does not take is not missed. @param {object} report */
  #tell(report) {
    this.o.session.post("report", report, () => {});
  }
}
