/**
 * How long it takes from joining to the first remote frame, at 40 ms round trip to the server, beside the pattern of
 * tutorials: `make bench-setup`. RUNS, PATHS (direct,udp,tcp,tls) and PATTERNS (parley,tutorial,…) narrow it. It takes
 * about half an hour, most of it with the tutorials' way where UDP is blocked.
 */
import { enter, LIMIT_MS, openDevices, signIn } from "../lib/call.mjs";
import { instrument } from "./lib/marks.mjs";
import { PAGE } from "./lib/tutorial.mjs";
import { World } from "./lib/world.mjs";

const RUNS = Number(process.env.RUNS ?? 20);
/** Where one run takes minutes there are fewer: none begins after this time with one pattern. */
const ENOUGH_MS = 5 * 60_000;
/** A call that shows nothing for so long has been given up by people. */
const NEVER_MS = 120_000;
/** Half of the round trip. */
const ONE_WAY_MS = 20;
/** The goal, of the tutorials' median, on relayed paths. */
const GOAL = 0.6;

const PATHS = { direct: ["cone", "cone"], udp: ["symmetric", "symmetric"], tcp: ["udp-blocked", "udp-blocked"], tls: ["443-only", "443-only"] };
const wanted = (process.env.PATHS ?? Object.keys(PATHS).join()).split(",");

/** Each way to call: how the first enters, and how the second comes to the point of joining. */
const PATTERNS = {
  parley: {
    first: (page) => enter(page, page.room, page.called),
    async ready(page) {
      if (page.url() === "about:blank") await signIn(page, page.room, page.called);
      else {
        await page.getByRole("button", { name: "Leave" }).click();
        await page.getByRole("heading", { name: "You have left the room" }).waitFor({ timeout: LIMIT_MS });
        // Another tab, as it were: who offers is decided by ids, and every run draws a new one.
        await page.evaluate(() => sessionStorage.clear());
        await page.goto(page.room);
      }
      await openDevices(page, page.getByRole("button", { name: "Join", exact: true }));
    },
    alone: (page) => page.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: LIMIT_MS }),
  },
  tutorial: tutorial(""),
  "tutorial with trickle": tutorial("#trickle"),
};

function tutorial(hash) {
  const open = async (page) => {
    const query = new URLSearchParams({ name: page.called, room: page.room.split("/").at(-1) });
    await page.goto("about:blank");
    await page.goto(`${page.origin}/tutorial?${query}${hash}`);
    await page.locator("#join:enabled").waitFor({ timeout: LIMIT_MS });
  };
  return {
    async first(page) {
      await open(page);
      await page.locator("#join").click();
    },
    ready: open,
    alone: (page) => page.getByText("alone", { exact: true }).waitFor({ timeout: LIMIT_MS }),
  };
}

/** When each part of it was done on both sides; what was done before the joining has no time. @param {[number, string][]} marks @returns {Record<string, number>} */
function stepsOf(marks) {
  const times = (what) => marks.filter(([, said]) => said === what).map(([at]) => at);
  const first = (what) => Math.min(...times(what));
  const last = (what) => (times(what).length ? Math.max(...times(what)) : Infinity);
  return {
    "offer sent": first("→ signal offer"), "heard": first("← signal offer"), "answer sent": first("→ signal answer"), "answer heard": first("← signal answer"),
    "way found": last("ice connected"), encrypted: last("connection connected"),
  };
}

/** @returns {Promise<{ms: number, marks: [number, string][]}>} one call's set-up, seen from the one who joins; endless if no frame came */
async function once(pattern, ann, bob) {
  await pattern.ready(bob);
  await pattern.alone(ann);
  for (const page of [ann, bob]) await page.evaluate(() => window.marks.splice(0));
  await bob.getByRole("button", { name: "Join", exact: true }).click();
  const frame = () => window.marks.some(([, what]) => what === "first frame");
  const came = await bob.waitForFunction(frame, null, { timeout: NEVER_MS, polling: 50 }).then(() => true, unlessLate);
  const [here, there] = await Promise.all([bob, ann].map((page) => page.evaluate(() => window.marks)));
  const start = here.find(([, what]) => what.startsWith("→ room.join"))[0];
  const steps = stepsOf(here.concat(there).map(([at, what]) => [at - start, what]));
  const marks = [...here.map(([at, what]) => [at - start, what]), ...there.map(([at, what]) => [at - start, `                              ${what}`])];
  const offered = here.some(([, what]) => what.endsWith("signal offer") && what.startsWith("→"));
  return { offered, steps, ms: came ? here.find(([, what]) => what === "first frame")[0] - start : Infinity, marks: marks.filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0]) };
}

/** @returns {false} that it has not come in time @param {Error} error */
function unlessLate(error) {
  if (error.name !== "TimeoutError") throw error;
  return false;
}

const patterns = process.env.PATTERNS?.split(",") ?? Object.keys(PATTERNS);
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const time = (ms) => (Number.isFinite(ms) ? `${Math.round(ms)} ms` : `nothing within ${NEVER_MS / 1000} s`);

/** @returns {Promise<{median: number, count: number}>} */
async function measure(world, path, name) {
  const pattern = PATTERNS[name];
  const runs = [];
  await world.two({ name: `setup ${path} ${name}` }, { a: PATHS[path][0], b: PATHS[path][1] }, async (ann, bob) => {
    for (const page of [ann, bob]) {
      await page.context().addInitScript(instrument);
      await page.route("**/tutorial?*", (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
    }
    await pattern.first(ann);
    const end = Date.now() + ENOUGH_MS;
    for (let i = 0; i < RUNS && Date.now() < end; i++) {
      runs.push(await once(pattern, ann, bob));
      console.log(`${path}, ${name}, ${i + 1} of ${RUNS}: ${time(runs.at(-1).ms)}`);
    }
  });
  runs.sort((a, b) => a.ms - b.ms);
  for (const who of [true, false]) {
    const those = runs.filter(({ offered }) => offered === who);
    if (!those.length) continue;
    const halves = Object.keys(those[0].steps).map((step) => [step, quantile(those.map(({ steps }) => steps[step]).sort((a, b) => a - b), 0.5)])
      .filter(([, at]) => Number.isFinite(at)).map(([step, at]) => `${step} ${Math.round(at)}`);
    console.log(`${path}, ${name}, ${who ? "the one who joins" : "the other"} offers: ${halves.join(", ")}, frame ${those.map(({ ms }) => time(ms)).join(", ")}`);
  }
  const sorted = runs.map(({ ms }) => ms);
  const median = quantile(sorted, 0.5);
  console.log(`\n${path}, ${name}: median ${time(median)}, ${runs.length} runs (fastest ${time(sorted[0])}, 90 % ${time(quantile(sorted, 0.9))}, slowest ${time(sorted.at(-1))})`);
  for (const [at, what] of quantile(runs, 0.5).marks.filter(([at]) => at <= median + 1)) console.log(`${String(Math.round(at)).padStart(7)}  ${what}`);
  return { median, count: runs.length };
}

/** A line of the table: what each pattern took, and our share of the others. */
function row(path, results) {
  const times = Object.entries(results).map(([name, { median, count }]) => `${name} ${time(median)} (${count})`);
  const { parley, ...others } = results;
  if (!parley) return `${path.padEnd(7)} ${times.join(", ")}`;
  const share = (median) => (Number.isFinite(median) ? (parley.median / median).toFixed(2) : `less than ${(Math.ceil((parley.median / NEVER_MS) * 100) / 100).toFixed(2)}`);
  const shares = Number.isFinite(parley.median) ? Object.entries(others).map(([name, { median }]) => `${share(median)} of ${name}`) : [];
  // What never came is taken for as long as it was waited for.
  const met = others.tutorial && parley.median <= GOAL * Math.min(others.tutorial.median, NEVER_MS);
  const verdict = path === "direct" || !others.tutorial ? "" : ` (goal ${GOAL} ${met ? "met" : "MISSED"})`;
  return `${path.padEnd(7)} ${times.join(", ")}${shares.length ? `: ${shares.join(", ")}` : ""}${verdict}`;
}

const world = await World.open({ signaling: { max_sessions_per_user: 64 } });
const table = [];
try {
  for (const side of ["a", "b"]) await world.lab.delay(side, ONE_WAY_MS);
  for (const path of wanted) {
    const results = {};
    for (const name of patterns) results[name] = await measure(world, path, name);
    table.push(row(path, results));
    console.log(`\n${table.at(-1)}\n`);
  }
} finally {
  await world.close();
  console.log(`\nJoin to first remote frame, median (runs), ${2 * ONE_WAY_MS} ms to the server`);
  for (const line of table) console.log(line);
}
