import { AUDIO_BPS, CpuRule, OFF, plan, screenTarget } from "./adapt.js";
import { transceiverOf } from "./layout.js";
import { Senders } from "./senders.js";

/**
 * @typedef {import("./member.js").Member} Member
 * @typedef {"auto" | "low" | "audio"} DataUse   what the person allows: all that is useful, little, sound alone
 */

/** What all cameras together may use, in bits a second. @type {Record<DataUse, number>} */
const LIMIT = { auto: Infinity, low: 300_000, audio: 0 };
/** Opus: enough for speech; twice that for what is played on a shared screen. */
const SOUND = { mic: AUDIO_BPS, screenAudio: 2 * AUDIO_BPS };

/** Shares this person's uplink between all the others: decides with adapt.js, and tells the senders. */
export class Uplink {
  /** @type {DataUse} */
  use = "auto";
  #senders = new Senders();
  #cpu = new CpuRule();

  /**
   * To be called about once a second, and when anybody comes, goes or wants something else.
   * @param {readonly Member[]} members @param {import("./layout.js").Tracks} tracks  what is sent @param {number} now
   */
  share(members, tracks, now) {
    const cpu = this.#cpu.add(now, members.some(({ figures }) => figures?.limited === "cpu"));
    // The browser's estimate starts low and grows only with use: it counts once there is trouble.
    const trouble = members.some(({ adapter }) => adapter.step > 0);
    const estimate = trouble ? members.reduce((sum, { figures }) => sum + (figures?.estimate || Infinity), 0) : Infinity;
    const targets = plan(members.map(({ theirs, adapter }) => ({ want: theirs.cam, step: adapter.step })), { limit: LIMIT[this.use], estimate, cpu });
    members.forEach((member, i) => this.#tell(member, targets[i], tracks, members.length));
  }

  /** What was sent to this one in the last seconds is lost: its pictures begin anew. @param {Member} member */
  renew({ link: { pc } }) {
    for (const slot of /** @type {const} */ (["cam", "screen"])) this.#senders.renew(transceiverOf(pc, slot)?.sender);
  }

  /**
   * @param {Member} member @param {import("./adapt.js").Target | undefined} camera
   * @param {import("./layout.js").Tracks} tracks @param {number} others
   */
  #tell(member, camera, { cam, screen }, others) {
    const { pc } = member.link;
    const { adapter, theirs } = member;
    const lines = heightOf(screen);
    const shared = screenTarget({ others, want: theirs.screen, h: lines, motion: screen?.contentHint === "motion", step: adapter.step });
    if (camera) this.#picture(pc, "cam", camera, heightOf(cam), others === 1 ? "balanced" : "maintain-framerate");
    this.#picture(pc, "screen", shared, lines, "maintain-resolution");
    for (const slot of /** @type {const} */ (["mic", "screenAudio"])) {
      this.#senders.set(transceiverOf(pc, slot)?.sender, { active: true, maxBitrate: SOUND[slot], priority: "high" });
    }
    member.bps = (camera?.bps ?? 0) + (screen ? shared.bps : 0) + AUDIO_BPS;
    member.setPaused(adapter.step >= OFF);
  }

  /**
   * @param {RTCPeerConnection} pc @param {"cam" | "screen"} slot @param {import("./adapt.js").Target} target
   * @param {number} lines  of the track, 0 while unknown @param {string} degradationPreference
   */
  #picture(pc, slot, { active, h, fps, bps }, lines, degradationPreference) {
    const priority = slot === "cam" ? "low" : "medium";
    const size = { maxBitrate: bps, maxFramerate: fps, scaleResolutionDownBy: Math.max(1, lines / Math.max(h, 1)) };
    // What is switched off keeps its last figures: zero is not a rate that every browser takes.
    this.#senders.set(transceiverOf(pc, slot)?.sender, active ? { active, ...size, priority, degradationPreference } : { active, maxBitrate: AUDIO_BPS, priority });
  }
}

/** @param {MediaStreamTrack | null} track @returns {number} */
const heightOf = (track) => track?.getSettings?.().height ?? 0;
