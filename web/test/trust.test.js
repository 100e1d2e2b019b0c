import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, commitment, fingerprintsOf, hex, printInSdp, SafetyCode } from "../static/js/rtc/sas.js";

const bytes = (value) => new Uint8Array(32).fill(value);

/** Two sides over a wire that may change what passes. */
async function compare({ a = bytes(1), b = bytes(2), seenByA = b, seenByB = a, wire = (m) => m } = {}) {
  const sides = {};
  const make = (name, other, own, remote, nonce) => (sides[name] = new SafetyCode({
    fingerprints: async () => ({ own, remote }),
    send: (t, fields) => queueMicrotask(() => void sides[other].handle(wire({ t, ...fields }, name))),
    changed() {},
    nonce: () => nonce,
  }));
  make("a", "b", a, seenByA, bytes(7));
  make("b", "a", b, seenByB, bytes(8));
  const over = () => Object.values(sides).every(({ state }) => state !== "waiting");
  for (let i = 0; i < 2000 && !over(); i++) await new Promise((done) => setTimeout(done, 1));
  return sides;
}

test("the code is fixed by the fingerprints and the numbers, and the same from both sides", async () => {
  const [low, high] = [{ fingerprint: bytes(1), nonce: bytes(7) }, { fingerprint: bytes(2), nonce: bytes(8) }];
  // printf of 's', 'a', 's', '1', then 32 times each 01, 02, 07, 08, through sha256sum: starts with f48252.
  assert.deepEqual(await codeOf(low, high), [61, 8, 9, 18]);
  assert.deepEqual(await codeOf(high, low), await codeOf(low, high));
  assert.notDeepEqual(await codeOf(low, { ...high, nonce: bytes(9) }), await codeOf(low, high));
});

test("two honest sides come to the same four pictures", async () => {
  const { a, b } = await compare();
  assert.deepEqual([a.state, b.state], ["ready", "ready"]);
  assert.equal(a.code.length, 4);
  assert.ok(a.code.every((n) => Number.isInteger(n) && n >= 0 && n < 64));
  assert.deepEqual(a.code, b.code);
  assert.deepEqual([a.remote, b.remote], [hex(bytes(2)), hex(bytes(1))]);
});

test("other certificates in between break it", async () => {
  const { a, b } = await compare({ seenByA: bytes(9), seenByB: bytes(9) });
  assert.deepEqual([a.state, b.state, a.code, b.code], ["broken", "broken", [], []]);
});

test("a number that is not the one committed to breaks it, as does a second commitment", async () => {
  const other = hex(bytes(6));
  assert.equal((await compare({ wire: (m, from) => (from === "a" && m.t === "sas.reveal" ? { ...m, nonce: other } : m) })).b.state, "broken");
  const once = await compare();
  assert.equal(once.a.state, "ready");
  const a = new SafetyCode({ fingerprints: async () => ({ own: bytes(1), remote: bytes(2) }), send() {}, changed() {} });
  await a.handle({ t: "sas.commit", commit: other });
  await a.handle({ t: "sas.commit", commit: other });
  assert.equal(a.state, "broken");
});

test("nothing is shown to a side that has not committed itself", async () => {
  const sent = [];
  const a = new SafetyCode({ fingerprints: async () => ({ own: bytes(1), remote: bytes(2) }), send: (t) => sent.push(t), changed() {} });
  await a.handle({ t: "sas.reveal", nonce: hex(bytes(8)) });
  assert.deepEqual([a.state, sent], ["broken", ["sas.commit"]]);
  for (const commit of [undefined, "zz", 7, "ab".repeat(31), null]) {
    const one = new SafetyCode({ fingerprints: async () => ({ own: bytes(1), remote: bytes(2) }), send: (t) => sent.push(t), changed() {} });
    await one.handle({ t: "sas.commit", commit });
    assert.equal(one.state, "broken");
  }
  assert.ok(!sent.includes("sas.reveal"));
});

test("a browser that names no certificate has no code, which is not a warning", async () => {
  const a = new SafetyCode({ fingerprints: () => Promise.reject(new Error()), send() {}, changed() {} });
  await a.handle({ t: "sas.commit", commit: hex(await commitment(bytes(8), bytes(2))) });
  assert.equal(a.state, "none");
});

test("a connection with another certificate than the one announced is broken from the start", async () => {
  const sdp = (digit) => ({ sdp: `v=0\r\na=fingerprint:sha-256 ${Array(32).fill(`0${digit}`).join(":")}\r\n` });
  const sctp = { transport: { getRemoteCertificates: () => [bytes(3).buffer] } };
  const sent = [];
  const a = new SafetyCode({ fingerprints: () => fingerprintsOf({ localDescription: sdp(1), remoteDescription: sdp(2), sctp }), send: (t) => sent.push(t), changed() {} });
  await a.handle({ t: "sas.commit", commit: hex(await commitment(bytes(8), bytes(2))) });
  assert.deepEqual([a.state, sent], ["broken", []]);
});

test("the fingerprints are there also where the channels open before the answer is applied", async () => {
  const sdp = (digit) => `v=0\r\na=fingerprint:sha-256 ${Array(32).fill(`0${digit}`).join(":")}\r\n`;
  const pc = Object.assign(new EventTarget(), { localDescription: { sdp: sdp(1) }, remoteDescription: null });
  const prints = fingerprintsOf(pc);
  pc.dispatchEvent(new Event("signalingstatechange")); // to have-local-offer
  await new Promise((done) => setTimeout(done, 1));
  pc.remoteDescription = { sdp: sdp(2) };
  pc.dispatchEvent(new Event("signalingstatechange"));
  assert.deepEqual(await prints, { own: bytes(1), remote: bytes(2) });
});

test("the fingerprint is read from a description", () => {
  const line = Array(32).fill("AB").join(":");
  assert.equal(hex(printInSdp(`v=0\r\na=fingerprint:sha-256 ${line}\r\na=setup:active\r\n`)), "ab".repeat(32));
  assert.equal(printInSdp("a=fingerprint:sha-1 AB:CD\r\n"), null);
  assert.equal(printInSdp(undefined), null);
});
