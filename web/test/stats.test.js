import assert from "node:assert/strict";
import { test } from "node:test";
import { derive, pathOf, readReport, reportedPath } from "../static/js/rtc/stats.js";
import { Quality, grade } from "../static/js/rtc/quality.js";

const report = (over = {}) =>
  new Map(Object.entries({
    T: { type: "transport", selectedCandidatePairId: "P" },
    P: { type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.012, localCandidateId: "L", remoteCandidateId: "R" },
    L: { type: "local-candidate", candidateType: "host", protocol: "udp" },
    R: { type: "remote-candidate", candidateType: "prflx", protocol: "udp" },
    A: { type: "inbound-rtp", kind: "audio", packetsReceived: 100, packetsLost: 0, bytesReceived: 10_000 },
    V: { type: "inbound-rtp", kind: "video", packetsReceived: 200, packetsLost: 10, bytesReceived: 90_000, framesDecoded: 30, frameWidth: 640, frameHeight: 360, totalFreezesDuration: 0.5 },
    O: { type: "outbound-rtp", bytesSent: 50_000 },
    I: { type: "remote-inbound-rtp", fractionLost: 0.03, roundTripTime: 0.5 },
    D: { type: "data-channel", messagesReceived: 7 },
    ...over,
  }));

test("a sample adds up what arrives, packets and messages", () => {
  const s = readReport(report(), 1000);
  assert.equal(s.received, 307);
  assert.equal(s.bytesIn, 100_000);
  assert.equal(s.rtt, 12);
  assert.deepEqual([s.width, s.height, s.lossOut], [640, 360, 0.03]);
  assert.deepEqual(s.local, { type: "host", protocol: "udp", relayProtocol: "" });
});

test("without a transport record the nominated pair counts", () => {
  const s = readReport(report({ T: { type: "other" } }), 0);
  assert.equal(s.local.type, "host");
});

test("without a round trip of the pair that of the media counts", () => {
  const P = { ...report().get("P"), currentRoundTripTime: undefined };
  assert.equal(readReport(report({ P }), 0).rtt, 500);
  assert.ok(Number.isNaN(readReport(new Map(), 0).rtt));
});

test("figures are differences over time", () => {
  const before = readReport(report(), 1000);
  const after = { ...before, at: 3000, bytesIn: 350_000, bytesOut: 300_000, frames: 80, packetsIn: before.packetsIn + 90, lostIn: before.lostIn + 10, lossOut: 0, frozen: 1.5 };
  const { downKbps, upKbps, loss, lossIn, lossOut, fps, freeze, rtt, width, height } = derive(before, after);
  assert.deepEqual([downKbps, upKbps, loss, lossIn, lossOut], [1000, 1000, 0.1, 0.1, 0]);
  assert.deepEqual([fps, freeze, rtt, width, height], [25, 0.5, 12, 640, 360]);
});

test("a counter that starts again gives no negative figures", () => {
  const before = readReport(report(), 1000);
  const fresh = { ...readReport(new Map(), 2000) };
  const { downKbps, fps, loss } = derive(before, fresh);
  assert.deepEqual([downKbps, fps, loss], [0, 0, 0]);
});

const end = (type, protocol = "udp", relayProtocol = "") => ({ type, protocol, relayProtocol });

test("the path is relayed when either end is a relay", () => {
  assert.equal(pathOf(null, null), null);
  assert.deepEqual(pathOf(end("host"), end("srflx")), { kind: "direct", protocol: "udp", side: "here" });
  assert.deepEqual(pathOf(end("host", "tcp"), end("host", "tcp")).protocol, "tcp");
  assert.deepEqual(pathOf(end("relay", "udp", "tcp"), end("host")), { kind: "relayed", protocol: "tcp", side: "here" });
  assert.deepEqual(pathOf(end("host"), end("relay")), { kind: "relayed", protocol: "udp", side: "there" });
  // After an ICE restart the other side's relay may look like a peer-reflexive one.
  assert.deepEqual(pathOf(end("host"), end("prflx"), { type: "relay", relayProtocol: "tls" }), { kind: "relayed", protocol: "tls", side: "there" });
});

test("the server is told one of the values that it counts", () => {
  assert.equal(reportedPath({ kind: "direct", protocol: "tcp", side: "here" }), "direct");
  assert.equal(reportedPath({ kind: "relayed", protocol: "tls", side: "here" }), "relay_tls");
});

const figures = (over) => ({ downKbps: 1, upKbps: 1, loss: 0, fps: 25, freeze: 0, rtt: 20, width: 1, height: 1, ...over });

test("grades follow round trip, loss and freezes", () => {
  assert.equal(grade(figures()), "good");
  assert.equal(grade(figures({ rtt: NaN })), "good");
  assert.equal(grade(figures({ rtt: 250 })), "fair");
  assert.equal(grade(figures({ loss: 0.05 })), "fair");
  assert.equal(grade(figures({ loss: 0.07 })), "poor");
  assert.equal(grade(figures({ freeze: 0.2 })), "poor");
});

test("the word changes down after 3 s and up after 6 s, not before", () => {
  const q = new Quality();
  const bad = figures({ loss: 0.5 });
  assert.equal(q.add(0, bad), "good");
  assert.equal(q.add(2000, bad), "good");
  assert.equal(q.add(2500, figures()), "good");
  assert.equal(q.add(3000, bad), "good"); // counted anew
  assert.equal(q.add(6000, bad), "poor");
  assert.equal(q.add(7000, figures()), "poor");
  assert.equal(q.add(12_999, figures()), "poor");
  assert.equal(q.add(13_000, figures()), "good");
});
