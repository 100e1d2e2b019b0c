import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SERVER, SERVER2 } from "./lib/lab.mjs";
import { assertCall, assertNoStrangers, assertWay } from "./lib/proof.mjs";
import { start } from "./lib/shell.mjs";
import { World } from "./lib/world.mjs";

/** The part that `make test` runs; `make e2e` runs all. */
const CORE = process.env.NATLAB === "core";

let world;
before(async () => (world = await World.open()));
after(() => world?.close());

const STUN = new URL("lib/stun.mjs", import.meta.url).pathname;

/** What a NAT of each type does to one socket that talks with four others. */
const TYPES = {
  none: { mapped: 1, keeps: true, open: true },
  cone: { mapped: 1, keeps: true, open: false },
  symmetric: { mapped: 4, keeps: false, open: false },
  "udp-blocked": { mapped: 0 },
  "443-only": { mapped: 0 },
  double: { mapped: 4, keeps: false, open: false },
};

test("the NATs are what they are called", { timeout: 120_000 }, async () => {
  const { lab } = world;
  const addresses = [SERVER, SERVER2];
  const responder = await start(lab.in("server", [process.execPath, STUN, "respond", ...addresses]), "ready");
  for (const [place, wanted] of Object.entries(TYPES)) {
    await lab.place("b", place);
    const { local, seen, open } = JSON.parse(await lab.exec("b", [process.execPath, STUN, "probe", ...addresses]));
    const answered = seen.filter(Boolean);
    assert.equal(answered.length, wanted.mapped ? 4 : 0, `${place}: ${seen}`);
    assert.equal(new Set(answered).size, wanted.mapped, `${place}: ${seen}`);
    if (!wanted.mapped) continue;
    assert.equal(answered[0].endsWith(`:${local}`), wanted.keeps, `${place}: ${local} became ${seen}`);
    assert.equal(open, wanted.open, `${place}: ${open}`);
  }
  responder.child.kill();
  await responder.ended;
});

/** How a blocked place reaches its relay. */
const BLOCKED = { "udp-blocked": "tcp", "443-only": "tls" };
/** Mappings that depend on the destination meet only who can be asked by anyone. */
const HARD = new Set(["symmetric", "double"]);

function directly(a, b) {
  if (b === "same") return true;
  if ((a === "ipv6") !== (b === "ipv6") || BLOCKED[a] || BLOCKED[b]) return false;
  return !(HARD.has(a) && b !== "none") && !(HARD.has(b) && a !== "none");
}

/** Whether the ways of both sides are right for their places. */
function expected(a, b) {
  if (directly(a, b)) return (wayA, wayB) => wayA === "direct" && wayB === "direct";
  const fits = (place, way) => (BLOCKED[place] ? way === BLOCKED[place] : way === "udp" || way === "there");
  return (wayA, wayB) => fits(a, wayA) && fits(b, wayB);
}

const pairs = [];
const KINDS = ["cone", "symmetric", "udp-blocked", "443-only", "double"];
KINDS.forEach((a, i) => KINDS.slice(i).forEach((b) => pairs.push([a, b])));
for (const b of ["none", "same", "ipv6"]) for (const a of KINDS) pairs.push([a, b]);
pairs.push(["ipv6", "ipv6"], ["none", "none"], ["none", "ipv6"]);
const core = ["cone cone", "symmetric symmetric", "udp-blocked 443-only", "symmetric same", "symmetric ipv6"];

for (const [a, b] of pairs) {
  if (CORE && !core.includes(`${a} ${b}`)) continue;
  test(`${a} and ${b}: ${directly(a, b) ? "direct" : "relayed"}`, { timeout: 120_000 }, (t) =>
    world.call(t, { a, b }, async (ann, bob) => {
      await assertCall(ann, bob);
      await assertWay(ann, bob, expected(a, b));
      await assertNoStrangers(world.lab);
    }));
}
