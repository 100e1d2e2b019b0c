import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { choices, LossRule } from "../static/js/rtc/codecs.js";
import { noTracks } from "../static/js/rtc/layout.js";
import { Peer } from "../static/js/rtc/peer.js";
import { FakeConnection, settle } from "./fakes.js";

const HERE = {
  audio: ["audio/opus", "audio/red", "audio/PCMU"],
  video: ["video/VP8", "video/rtx", "video/VP9", "video/H264", "video/ulpfec"],
};

let sides;
beforeEach(() => {
  sides = [];
  globalThis.RTCRtpReceiver = { getCapabilities: (kind) => ({ codecs: HERE[kind].map((mimeType) => ({ mimeType })) }) };
  FakeConnection.sdp = "\r\na=rtpmap:63 red/48000/2\r\n";
});
afterEach(() => {
  for (const { peer } of sides) peer.close();
  delete globalThis.RTCRtpReceiver;
  FakeConnection.sdp = "";
});

/** One side; `wish.codec` is what its person wants. */
function side(self, other, codec = "auto") {
  const out = { wish: { codec }, sent: [], to: null };
  out.peer = new Peer({
    self, id: other, config: () => ({ iceServers: [] }), tracks: noTracks, codec: () => out.wish.codec,
    state: () => ({ mic: true, cam: false, screen: false, screenAudio: false }),
    send: (data) => {
      out.sent.push(data);
      out.to?.peer.signal(JSON.parse(JSON.stringify(data)));
    },
    RTCPeerConnection: FakeConnection, now: () => 0,
  });
  sides.push(out);
  return out;
}

async function connected(...both) {
  for (let i = 0; i < 4; i++) await settle();
  for (const { peer } of both) {
    peer.pc.connectionState = "connected";
    peer.pc.onconnectionstatechange();
  }
  for (let i = 0; i < 4; i++) await settle();
}

/** Two sides whose connection stands; `b` has offered. */
async function pair(codecs = {}) {
  const [b, a] = [side("p_b", "p_a", codecs.b), side("p_a", "p_b", codecs.a)];
  [b.to, a.to] = [a, b];
  await connected(a, b);
  return { a, b };
}

const offers = ({ sent }) => sent.filter(({ description }) => description?.type === "offer").length;
const orders = ({ peer }) => peer.pc.transceivers.map(({ codecs }) => codecs);

test("VP9 comes first for screens on both sides, with everything else behind it; all other slots keep the browser's order", async () => {
  const { a, b } = await pair();
  const screen = ["video/VP9", "video/VP8", "video/rtx", "video/H264", "video/ulpfec"];
  assert.deepEqual(orders(b), [HERE.audio, HERE.video, screen, HERE.audio]);
  assert.deepEqual(orders(a), [[], [], screen, []]); // who answers follows
  assert.deepEqual([offers(a), offers(b)], [0, 1]);
});

test("a codec that a person wants is first for all pictures, with one more offer; and back", async () => {
  const { a, b } = await pair();
  for (const [one, other] of [[a, b], [b, a]]) {
    const before = [offers(one), offers(other)];
    one.wish.codec = "H264";
    one.peer.prefer();
    one.peer.prefer();
    await connected(a, b);
    assert.deepEqual([1, 2].map((i) => orders(one)[i][0]), ["video/H264", "video/H264"]);
    one.wish.codec = "auto";
    one.peer.prefer();
    await connected(a, b);
    assert.deepEqual(orders(one).slice(1, 3).map(([first]) => first), ["video/VP8", "video/VP9"]);
    // Nothing of that is in the way of what the other wants later.
    assert.deepEqual(orders(other)[1], []);
    assert.deepEqual([offers(one), offers(other)], [before[0] + 2, before[1]]);
  }
});

test("who wants a codec and was not the one to offer offers once, when the connection stands", async () => {
  const { a, b } = await pair({ a: "VP9", b: "auto" });
  assert.deepEqual([offers(a), offers(b)], [1, 1]);
  await connected(a, b);
  assert.deepEqual([offers(a), offers(b)], [1, 1]);
  const first = await pair({ b: "VP9" });
  assert.deepEqual([offers(first.a), offers(first.b)], [0, 1]);
});

test("sound is sent twice after one more offer, also over the next connection, where both sides have that", async () => {
  const { a, b } = await pair();
  for (let i = 0; i < 3; i++) b.peer.protectSound();
  await connected(a, b);
  assert.deepEqual(orders(b)[0], ["audio/red", "audio/opus", "audio/PCMU"]);
  assert.equal(offers(b), 2);
  b.peer.rebuild({ tell: true });
  await connected(a, b);
  assert.equal(orders(b)[0][0], "audio/red");
  assert.equal(offers(b), 3);
  FakeConnection.sdp = "";
  const other = await pair();
  other.b.peer.protectSound();
  await connected(other.a, other.b);
  assert.deepEqual([orders(other.b)[0], offers(other.b)], [HERE.audio, 1]);
});

test("a browser that cannot choose is left alone", async () => {
  delete globalThis.RTCRtpReceiver;
  const { b } = await pair();
  b.peer.protectSound();
  assert.equal(offers(b), 1);
  assert.deepEqual(choices(), []);
});

test("one may choose what this browser has", () => {
  assert.deepEqual(choices(), ["VP8", "VP9", "H264"]);
});

test("only loss that more than one report tells of counts", () => {
  const rule = new LossRule();
  const at = (from, to, loss) => Array.from({ length: to - from + 1 }, (_, i) => rule.add((from + i) * 1000, loss)).at(-1);
  assert.equal(at(0, 7.5, 0.08), false);
  assert.equal(at(8, 8, 0.08), true);
  assert.equal(at(9, 9, 0.03), false);
  assert.equal(at(10, 17, 0.3), false);
  assert.equal(at(18, 18, NaN), false);
  assert.equal(at(19, 26, 0.3), false);
});
