/**
 * How much is sent. WebRTC's own congestion control does the fast work; this
 * sets ceilings, since in a mesh everybody's uplink is shared by all the
 * others. Only decisions are made here; uplink.js carries them out.
 *
 * @typedef {object} Rung
 * @property {number} h     height in lines
 * @property {number} fps
 * @property {number} bps
 *
 * @typedef {{active: boolean} & Rung} Target   what the camera sends to one person
 *
 * @typedef {object} Signs      what tells how a link does, about once a second
 * @property {number} loss      0 to 1, of what is sent
 * @property {number} rtt       milliseconds; NaN while unknown
 * @property {boolean} limited  the encoder is held back by the bandwidth
 */

/** Sizes of the camera's picture, best first. @type {readonly Rung[]} */
export const LADDER = [
  { h: 720, fps: 30, bps: 1_700_000 },
  { h: 540, fps: 30, bps: 1_000_000 },
  { h: 360, fps: 25, bps: 500_000 },
  { h: 270, fps: 20, bps: 250_000 },
  { h: 180, fps: 12, bps: 120_000 },
];

/** The step below the ladder: no picture, so that the sound stays clear. */
export const OFF = LADDER.length;

/** Kept free for the sound to each person, in bits a second. */
export const AUDIO_BPS = 40_000;

/** Bits a second for the camera to each person, by the number of others. */
const CAMERA_BPS = [1_700_000, 1_700_000, 900_000, 500_000, 300_000, 200_000];

/** @param {number} others @returns {number} bits a second */
export const cameraCeiling = (others) => CAMERA_BPS[Math.min(others, CAMERA_BPS.length - 1)] ?? 0;

/** A rung serves a tile that is this much larger than it. */
const ENLARGED = 1.1;
/** A rung is still worth sending with this share of its bits. */
const THIN = 0.85;

/** @param {number} h  lines that are shown @returns {number} the least step that serves them */
export function stepFor(h) {
  const at = LADDER.findLastIndex((rung) => rung.h * ENLARGED >= h);
  return Math.max(at, 0);
}

/** @param {number} bps @returns {number} the best step that so many bits allow */
function affordable(bps) {
  const at = LADDER.findIndex((rung) => rung.bps * THIN <= bps);
  return at < 0 ? LADDER.length - 1 : at;
}

/**
 * Gives to each what it asks for, or an equal share of what is left.
 * @param {readonly number[]} asked @param {number} budget @returns {number[]}
 */
export function split(asked, budget) {
  const given = asked.map(() => 0);
  const order = asked.map((_, i) => i).sort((a, b) => (asked[a] ?? 0) - (asked[b] ?? 0));
  let left = budget;
  order.forEach((i, n) => {
    const share = Math.min(asked[i] ?? 0, left / (order.length - n));
    given[i] = Math.round(share);
    left -= share;
  });
  return given;
}

/**
 * What the camera sends to each of the others.
 * @param {readonly {want: number, step: number}[]} peers   want: lines that its tile shows, 0 for none
 * @param {{limit?: number, estimate?: number, cpu?: number}} [bounds]
 *   limit: bits a second that the person allows for all; estimate: of the uplink; cpu: level of CpuRule
 * @returns {Target[]} in the same order
 */
export function plan(peers, { limit = Infinity, estimate = Infinity, cpu = 0 } = {}) {
  const others = peers.length;
  const budget = Math.max(0, Math.min(cameraCeiling(others) * others, limit, 0.8 * estimate - AUDIO_BPS * others));
  const steps = peers.map(({ want, step }) => (want <= 0 || limit <= 0 || step >= OFF ? OFF : Math.max(stepFor(want), step)));
  const bits = split(steps.map((step) => LADDER[step]?.bps ?? 0), budget);
  return steps.map((step, i) => target(step, bits[i] ?? 0, CPU[cpu] ?? {}));
}

/** @param {number} step @param {number} bps @param {{h?: number, fps?: number}} cap @returns {Target} */
function target(step, bps, { h = Infinity, fps = Infinity }) {
  const rung = LADDER[Math.max(step, affordable(bps))];
  if (step >= OFF || !rung) return { active: false, h: 0, fps: 0, bps: 0 };
  return { active: true, h: Math.min(rung.h, h), fps: Math.min(rung.fps, fps), bps };
}

/** Bits a second for a shared screen to all together, and to each at most and at least. */
const SCREEN = { total: 3_000_000, most: 2_500_000, least: 300_000 };

/**
 * What a shared screen sends to one person: sharp first, smooth second.
 * @param {{others: number, want: number, h: number, motion: boolean, step: number}} facts
 *   want: lines that are shown there; h: lines of the screen; motion: a film rather than text
 * @returns {Target}
 */
export function screenTarget({ others, want, h, motion, step }) {
  if (want <= 0) return { active: false, h: 0, fps: 0, bps: 0 };
  const share = Math.min(SCREEN.most, SCREEN.total / Math.max(others, 1));
  const poor = step >= 2;
  // Halving blurs text: only where the picture is shown much smaller.
  const shown = want * 2 <= h ? want : h;
  return { active: true, h: shown, fps: poor ? 5 : motion ? 30 : 15, bps: Math.max(SCREEN.least, poor ? share / 2 : share) };
}

/** Trouble for so long takes one step down. */
const DOWN_MS = 4_000;
/** Quiet for so long takes one step up; twice as long after each one that failed, up to MAX_UP_MS. */
const UP_MS = 10_000;
const MAX_UP_MS = 60_000;
/** Without a picture, one is tried this often. */
const RETRY_MS = 15_000;
/** A young connection is still finding out what it can carry. */
const WARM_UP_MS = 8_000;

/** Walks the ladder for one link. */
export class Adapter {
  step = 0;
  #started;
  #troubled = NaN;
  #calm = NaN;
  #wait = UP_MS;
  #raised = -Infinity;
  #base = Infinity;

  /** @param {number} now  milliseconds, like all times here */
  constructor(now) {
    this.#started = now;
  }

  /** @param {number} now @param {Signs} signs @returns {number} the step from now on */
  add(now, signs) {
    if (signs.rtt > 0) this.#base = Math.min(this.#base, signs.rtt);
    if (this.#bad(now, signs)) this.#trouble(now);
    else this.#quiet(now);
    return this.step;
  }

  /** @param {number} now @param {Signs} signs */
  #bad(now, { loss, rtt, limited }) {
    if (loss > 0.1 || (rtt > 400 && rtt > 2 * this.#base)) return true;
    return limited && now - this.#started > WARM_UP_MS;
  }

  /** @param {number} now */
  #trouble(now) {
    if (this.step === OFF) return this.#retry(now);
    this.#calm = NaN;
    if (Number.isNaN(this.#troubled)) this.#troubled = now;
    if (now - this.#troubled < DOWN_MS) return;
    if (now - this.#raised < UP_MS) this.#wait = Math.min(this.#wait * 2, MAX_UP_MS);
    this.step++;
    this.#troubled = NaN;
    this.#calm = now;
  }

  /** @param {number} now */
  #quiet(now) {
    this.#troubled = NaN;
    if (this.step === OFF) return this.#retry(now);
    if (Number.isNaN(this.#calm)) this.#calm = now;
    if (now - this.#raised > MAX_UP_MS) this.#wait = UP_MS;
    if (this.step === 0 || now - this.#calm < this.#wait) return;
    this.#raise(now);
  }

  /** Without a picture nothing tells how one would do, so it is tried. @param {number} now */
  #retry(now) {
    if (Number.isNaN(this.#calm)) this.#calm = now;
    if (now - this.#calm >= RETRY_MS) this.#raise(now);
  }

  /** @param {number} now */
  #raise(now) {
    this.step--;
    this.#raised = this.#calm = now;
  }
}

/** What each level of CpuRule allows: smoothness goes first, then size. @type {readonly {fps?: number, h?: number}[]} */
const CPU = [{}, { fps: 20 }, { fps: 15 }, { fps: 15, h: 360 }, { fps: 12, h: 270 }];

/** A machine that is too slow sends less to everybody. */
export class CpuRule {
  level = 0;
  #since = NaN;
  #was = false;

  /** @param {number} now @param {boolean} limited  an encoder is held back by the machine @returns {number} level */
  add(now, limited) {
    if (limited !== this.#was || Number.isNaN(this.#since)) [this.#since, this.#was] = [now, limited];
    if (limited && now - this.#since >= DOWN_MS) this.#move(now, 1);
    else if (!limited && now - this.#since >= 2 * UP_MS) this.#move(now, -1);
    return this.level;
  }

  /** @param {number} now @param {number} by */
  #move(now, by) {
    this.level = Math.min(Math.max(this.level + by, 0), CPU.length - 1);
    this.#since = now;
  }
}
