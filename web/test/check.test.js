import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CHECKS, one, run, transportOf } from "../static/js/check/checks.js";
import { makeReport } from "../static/js/check/report.js";
import * as verdict from "../static/js/check/verdict.js";

const en = JSON.parse(readFileSync(new URL("../static/i18n/en.json", import.meta.url), "utf8"));

/** @param {{state: string, key: string}} found */
const told = ({ state, key }) => {
  assert.ok(key in en, key);
  return `${state} ${key}`;
};

test("a browser, a page and a server are judged", () => {
  assert.equal(told(verdict.browser({ missing: [], optional: [] })), "pass check.browser.pass");
  assert.equal(told(verdict.browser({ missing: ["WebSocket"], optional: [] })), "fail check.browser.fail");
  assert.equal(told(verdict.browser({ missing: [], optional: ["navigator.locks"] })), "warn check.browser.warn");
  assert.equal(told(verdict.secure({ secure: false, url: "https://h" })), "fail check.secure.fail");
  assert.equal(told(verdict.server({ ok: true, ms: 3, skew_s: -59 })), "pass check.server.pass");
  assert.equal(told(verdict.server({ ok: true, ms: 3, skew_s: -61 })), "warn check.server.clock");
  assert.equal(told(verdict.server({ ok: true, ms: 3, skew_s: null })), "pass check.server.pass");
  assert.equal(told(verdict.server({ ok: false, ms: 3, skew_s: null })), "fail check.server.fail");
});

test("a blocked WebSocket, a refusal and a missing login are told apart", () => {
  assert.equal(told(verdict.signaling({ connected: true, code: "", rtt: [3, 1, 2] })), "pass check.signaling.pass");
  assert.equal(told(verdict.signaling({ connected: false, code: "", rtt: [] })), "fail check.signaling.fail");
  assert.equal(told(verdict.signaling({ connected: false, code: "server_full", rtt: [] })), "fail check.signaling.refused");
  assert.equal(told(verdict.signaling({ connected: false, code: "unauthorized", rtt: [] })), "skipped check.signin");
  assert.equal(told(verdict.resume({ resumed: true, ms: 20 })), "pass check.resume.pass");
  assert.equal(told(verdict.resume({ resumed: true, ms: 3500 })), "warn check.resume.slow");
  assert.equal(told(verdict.resume({ resumed: false, ms: 20 })), "warn check.resume.warn");
});

test("STUN: blocked, no translator, easy and hard ones", () => {
  const urls = ["stun:h:1", "stun:h:2"];
  const host = { type: "host", port: 5, related: 0 };
  const mapped = (port) => ({ type: "srflx", port, related: 5 });
  assert.equal(told(verdict.stun({ urls: [], complete: false, candidates: [] })), "skipped check.stun.none");
  assert.equal(told(verdict.stun({ urls, complete: false, candidates: [host] })), "fail check.stun.fail");
  assert.equal(told(verdict.stun({ urls, complete: true, candidates: [] })), "fail check.stun.fail");
  assert.equal(told(verdict.stun({ urls, complete: true, candidates: [host] })), "pass check.stun.open");
  assert.equal(told(verdict.stun({ urls, complete: true, candidates: [host, mapped(70), mapped(70)] })), "pass check.stun.easy");
  assert.equal(told(verdict.stun({ urls, complete: true, candidates: [host, mapped(70), mapped(71)] })), "warn check.stun.hard");
  assert.equal(told(verdict.stun({ urls: ["stun:h:1"], complete: false, candidates: [host, mapped(70)] })), "pass check.stun.pass");
});

test("every refusal of a relay has its own advice", () => {
  const facts = { transport: "udp", urls: ["turn:h:3478?transport=udp"], connected: false, rtt: [], errors: [] };
  const words = { 400: "credentials", 401: "credentials", 403: "forbidden", 437: "stale", 441: "credentials", 486: "quota", 508: "full", 701: "udp" };
  for (const [code, word] of Object.entries(words)) {
    assert.equal(told(verdict.turn({ ...facts, errors: [Number(code)] })), `fail check.turn.${word}`);
  }
  assert.equal(verdict.turn(facts).values.place, "udp/3478");
  const tls = verdict.turn({ ...facts, transport: "tls", urls: ["turns:h?transport=tcp"] });
  assert.equal(told(tls), "fail check.turn.tcp");
  assert.equal(tls.values.place, "tcp/5349");
  assert.equal(told(verdict.turn({ ...facts, urls: [] })), "skipped check.turn.none");
  assert.equal(told(verdict.turn({ ...facts, connected: true, rtt: [4, 9, 5] })), "pass check.turn.pass");
  assert.deepEqual(["stun:h:1", "turn:h:1?transport=udp", "turn:h:1?transport=tcp", "turns:h:1?transport=tcp"].map(transportOf), ["stun", "udp", "tcp", "tls"]);
});

test("speed, devices and direct connections are judged", () => {
  const speed = (kbps) => told(verdict.throughput({ kbps: { udp: kbps, tcp: 1 } }));
  assert.deepEqual([9000, 1500, 300, 20].map(speed), ["pass check.throughput.hd", "pass check.throughput.sd", "warn check.throughput.audio", "fail check.throughput.poor"]);
  assert.equal(told(verdict.throughput({ kbps: {} })), "skipped check.throughput.none");
  assert.equal(told(verdict.direct({ connected: false })), "warn check.direct.warn");
  assert.equal(told(verdict.mic({ level: 0, label: "" })), "fail check.mic.silent");
  assert.equal(told(verdict.mic({ level: 0.2, label: "" })), "pass check.mic.pass");
  const picture = { width: 640, height: 480, fps: 20, bright: 200 };
  assert.equal(told(verdict.camera(picture)), "pass check.camera.pass");
  assert.equal(told(verdict.camera({ ...picture, bright: 3 })), "warn check.camera.dark");
  assert.equal(told(verdict.camera({ ...picture, fps: 0 })), "fail check.camera.frozen");
});

test("one sentence sums it up", () => {
  const well = { browser: "pass", server: "pass", signaling: "pass", stun: "pass", "turn-udp": "pass", "turn-tcp": "pass", "turn-tls": "skipped" };
  const sum = (change) => told(verdict.summary({ ...well, ...change }));
  assert.equal(sum({}), "pass check.summary.pass");
  assert.equal(sum({ stun: "fail", "turn-udp": "fail" }), "warn check.summary.udp");
  assert.equal(sum({ stun: "fail", "turn-udp": "skipped", "turn-tls": "pass" }), "warn check.summary.udp");
  assert.equal(sum({ stun: "fail" }), "warn check.summary.stun");
  assert.equal(sum({ "turn-udp": "fail", "turn-tcp": "fail" }), "fail check.summary.relay");
  assert.equal(sum({ server: "fail" }), "fail check.summary.server");
  assert.equal(sum({ signaling: "skipped" }), "warn check.summary.signin");
  assert.equal(sum({ mic: "fail" }), "warn check.summary.some");
  assert.equal(sum({ "turn-udp": "skipped", "turn-tcp": "skipped" }), "warn check.summary.norelay");
});

test("checks run in order, a broken one stops nothing, and an end is an end", async () => {
  const check = (id, look, without) => ({ id, look, judge: () => ({ state: "pass", key: "check.mic.pass" }), without });
  const list = [
    check("a", async () => ({ x: 1 })), check("b", async () => { throw new TypeError("oh"); }),
    check("c", async () => ({}), () => "check.signin"), check("d", async () => ({}), () => ""),
  ];
  const rows = [];
  await run(list, {}, ({ id, state }) => rows.push(`${id} ${state}`), new AbortController().signal);
  assert.deepEqual(rows, ["a running", "a pass", "b running", "b fail", "c skipped", "d running", "d pass"]);
  const over = new AbortController();
  rows.length = 0;
  await run(list, {}, ({ id }) => (rows.push(id), over.abort()), over.signal);
  assert.deepEqual(rows, ["a"]);
  assert.match((await one("b", list[1].look, list[1].judge)).facts.error, /TypeError: oh/);
  for (const { id } of CHECKS) assert.ok(`check.${id}` in en, id);
});

test("a report carries no address unless its owner wants so", () => {
  const facts = { url: "turn:192.0.2.7:3478", candidates: [{ address: "2001:db8::7", port: 5 }, { address: "1f7e0a4c-1111-4222-8333-444455556666.local" }], rtt: [1.25, 2], at: "12:30" };
  const rows = [{ id: "stun", state: "pass", verdict: { state: "pass", key: "check.stun.pass" }, facts }, { id: "mic", state: "waiting", verdict: null, facts: {} }];
  const about = { build: "b1", agent: "Browser/1.2.3.4 x", at: "2027", addresses: false };
  const clean = JSON.stringify(makeReport(rows, about).checks);
  assert.doesNotMatch(clean, /192\.0\.2|2001:db8|\.local/);
  assert.match(clean, /1\.25/);
  assert.match(clean, /12:30/);
  assert.deepEqual(makeReport(rows, { ...about, addresses: true }).checks, [{ id: "stun", state: "pass", advice: "check.stun.pass", facts }]);
});
