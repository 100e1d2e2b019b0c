import assert from "node:assert/strict";
import { assertPlaying, LIMIT_MS, stats, until } from "../../lib/call.mjs";

/** How long one look at the flow takes, and what must come in it. */
const WINDOW_MS = 2_000;
const FEWEST_A_SECOND = 5;
const MOST = 0.8;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Looks until what is seen is good; the last look is in the error. */
async function eventually(what, limit, look) {
  let last;
  try {
    await until(what, async () => (last = await look()).good, limit);
  } catch {
    assert.fail(`${what}: still ${JSON.stringify(last?.seen)} after ${limit} ms`);
  }
}

/** What came through each way in one window, as shares of what was sent. */
async function flow(a, b, window) {
  const before = await Promise.all([stats(a), stats(b)]);
  await pause(window);
  const after = await Promise.all([stats(a), stats(b)]);
  const way = (from, to) => {
    const grown = (i, field) => (after[i]?.[field] ?? 0) - (before[i]?.[field] ?? 0);
    const [frames, sound] = [grown(from, "framesSent"), grown(from, "audioSent")];
    return { sent: frames, frames: grown(to, "frames") / frames, sound: grown(to, "audioPackets") / sound };
  };
  return { toA: way(1, 0), toB: way(0, 1) };
}

/**
 * Picture and sound play both ways: not one frame, but most of those that were sent.
 * @param {import("playwright-core").Page} a @param {import("playwright-core").Page} b
 */
export async function assertFlows(a, b, { share = MOST, window = WINDOW_MS, limit = LIMIT_MS } = {}) {
  const good = (way) => way.sent >= (FEWEST_A_SECOND * window) / 1000 && way.frames >= share && way.sound >= share;
  await eventually("picture and sound play both ways", limit, async () => {
    const seen = await flow(a, b, window);
    return { seen, good: good(seen.toA) && good(seen.toB) };
  });
}

/** Both see and hear each other, as a person would, and the counters agree. */
export async function assertCall(a, b) {
  await Promise.all([assertPlaying(a, b.called), assertPlaying(b, a.called)]);
  await assertFlows(a, b);
}

/** What a side says about the way, from its own selected pair and the other's. */
function words(own, other) {
  if (own.local === "relay") return `Relayed by this server · ${own.relayProtocol.toUpperCase()}`;
  if (other.local === "relay") return `Relayed (their side) · ${other.relayProtocol.toUpperCase()}`;
  return "Direct · UDP";
}

/** "direct", or the transport to the own relay, or "there" when only the other side uses one. */
const wayOf = (own, other) => (own.local === "relay" ? own.relayProtocol : other.local === "relay" ? "there" : "direct");

/**
 * The media takes the expected way on both sides, and both clients say so.
 * @param {import("playwright-core").Page} a @param {import("playwright-core").Page} b
 * @param {(a: string, b: string) => boolean} expected  of the two ways
 */
export async function assertWay(a, b, expected) {
  await eventually("the way is the expected one and both say so", LIMIT_MS, async () => {
    const [ofA, ofB] = await Promise.all([stats(a), stats(b)]);
    const ways = [wayOf(ofA, ofB), wayOf(ofB, ofA)];
    const said = await Promise.all([says(a, words(ofA, ofB)), says(b, words(ofB, ofA))]);
    return { seen: { ways, said }, good: expected(...ways) && said.every(Boolean) };
  });
}

const says = (page, text) => page.getByRole("button", { name: new RegExp(`${text.replace(/[()]/g, "\\$&")} · \\d+ ms`) }).isVisible();

/**
 * Nobody was asked for anything but the server, its DNS and the other client.
 * @param {import("./lab.mjs").Lab} lab
 */
export async function assertNoStrangers(lab) {
  assert.deepEqual({ a: await lab.strangers("a"), b: await lab.strangers("b") }, { a: [], b: [] });
}

/**
 * Watches the frames that come to a page: every 50 ms, how long none has come.
 * `longest` asks for the longest gap so far, in milliseconds, and begins anew.
 */
export async function watchFrames(page) {
  await page.evaluate(() => {
    const seen = { pc: null, frames: 0, at: performance.now(), longest: 0 };
    window.watched = seen;
    setInterval(async () => {
      const pc = window.connections.filter((c) => c.connectionState !== "closed").at(-1);
      const all = [...(await pc.getStats()).values()];
      const frames = all.filter((s) => s.type === "inbound-rtp" && s.kind === "video").reduce((n, s) => n + (s.framesDecoded ?? 0), 0);
      const now = performance.now();
      seen.longest = Math.max(seen.longest, now - seen.at);
      // A new connection has played nothing yet.
      if (frames > (pc === seen.pc ? seen.frames : 0)) Object.assign(seen, { pc, frames, at: now });
    }, 50);
  });
  return {
    longest: () => page.evaluate(() => {
      const { longest } = window.watched;
      Object.assign(window.watched, { longest: 0, at: performance.now() });
      return Math.round(longest);
    }),
  };
}
