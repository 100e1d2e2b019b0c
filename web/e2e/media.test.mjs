import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { assertPlaying, enter, LIMIT_MS, signIn, until } from "./lib/call.mjs";
import { startServer } from "./lib/server.mjs";

let browser, server;
before(async () => {
  server = await startServer();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const CAMERA = { width: 320, height: 180, frameRate: 15 };

/** Two people in a room who see and hear each other. @param {{before?: () => void, context?: object}} [only]  for Ann's page */
async function two(room, run, only) {
  const [ann, bob] = [await person(browser, server.url, { camera: CAMERA, ...only }), await person(browser, server.url, { camera: CAMERA })];
  try {
    await enter(ann, `${server.url}/r/${room}`, `Ann ${room}`);
    await enter(bob, `${server.url}/r/${room}`, `Bob ${room}`);
    await playing(ann, bob, room);
    await run(ann, bob);
    assertNoFaults(ann, bob);
  } catch (error) {
    error.message += `\nserver:\n${server.log.slice(-3000)}`;
    throw error;
  } finally {
    await Promise.all([ann.context().close(), bob.context().close()]);
  }
}

const playing = (ann, bob, room) => Promise.all([assertPlaying(ann, `Bob ${room}`), assertPlaying(bob, `Ann ${room}`)]);

/** What the one tile of a page shows: the track of the connection that stands, or not. */
const shown = (page) => page.evaluate(() => {
  const live = window.connections.filter((pc) => pc.connectionState === "connected");
  const track = document.querySelector("[data-peer] video")?.srcObject?.getVideoTracks()[0];
  return live.length === 1 && track?.readyState === "live" && track === live[0].getTransceivers()[1].receiver.track;
});
const made = (page) => page.evaluate(() => window.connections.length);

test("the picture moves on after the connection was made anew, again and again", { timeout: 220_000 }, () =>
  two("anew", async (ann, bob) => {
    for (const page of [ann, bob]) await page.getByRole("button", { name: "Settings" }).click();
    const hide = (page) => page.getByLabel("Hide my IP address");
    // Hiding one's address is what makes a connection anew at once, from either side and from both at the same time.
    for (const pages of [[ann], [bob], [ann, bob], [ann], [bob, ann]]) {
      const before = await Promise.all([made(ann), made(bob)]);
      await Promise.all(pages.map((page) => hide(page).check()));
      for (const [i, page] of [ann, bob].entries()) await until("there is a new connection", async () => (await made(page)) > before[i]);
      for (const page of [ann, bob]) await until("its picture is the one that is shown", () => shown(page));
      await playing(ann, bob, "anew");
      for (const page of pages) await hide(page).uncheck();
    }
  }));

/** The codecs that a page sends its pictures with, by the lines of each. */
const sent = (page) => page.evaluate(async () => {
  const pc = window.connections.filter((c) => c.connectionState === "connected").at(-1);
  const slots = ["mic", "cam", "screen", "screenAudio"];
  const found = {};
  for (const [i, { sender }] of pc.getTransceivers().entries()) {
    const all = [...(await sender.getStats()).values()];
    const out = all.find((s) => s.type === "outbound-rtp" && s.active !== false);
    if (out?.bytesSent) found[slots[i]] = all.find((s) => s.id === out.codecId)?.mimeType;
  }
  return found;
});

test("a screen is sent as VP9, and all pictures as what a person chooses", { timeout: 120_000 }, () =>
  two("codecs", async (ann, bob) => {
    await bob.getByRole("button", { name: "Share screen" }).click();
    await until("the screen is sent as VP9, the camera as the browser likes", async () => {
      const { cam, screen } = await sent(bob);
      return cam === "video/VP8" && screen === "video/VP9";
    });
    await ann.getByRole("button", { name: "Settings" }).click();
    await ann.getByLabel("Video codec").selectOption("VP9");
    for (const page of [ann, bob]) await until("both cameras follow", async () => (await sent(page)).cam === "video/VP9");
    await ann.getByLabel("Video codec").selectOption({ label: "Automatic" });
    for (const page of [ann, bob]) await until("and follow back", async () => (await sent(page)).cam === "video/VP8");
    await ann.keyboard.press("Escape");
    await assertPlaying(bob, "Ann codecs");
    assert.equal(await made(ann), 1);
  }));

/**
 * `window.loss` is what the other side says to have lost, once a test wants that. `window.packet` is the last one of
 * sound; one of RED with the first bit set holds an earlier one too (RFC 2198, section 3). Its size would not say so: the
 * encoder makes packets of 23 or of 48 bytes from the same beep.
 */
const lossy = () => {
  const { getStats, addTransceiver } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.getStats = async function (...of) {
    const report = await getStats.apply(this, of);
    if (!window.loss) return report;
    const worse = [...report.values()].map((s) => (s.type === "remote-inbound-rtp" ? { ...s, fractionLost: window.loss } : s));
    return new Map(worse.map((s) => [s.id, s]));
  };
  const look = () => {
    self.onrtctransform = ({ transformer: { readable, writable } }) => {
      const transform = (frame, to) => {
        self.postMessage({ type: frame.getMetadata().payloadType, twice: (new Uint8Array(frame.data)[0] & 0x80) !== 0 });
        to.enqueue(frame);
      };
      readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable);
    };
  };
  const code = URL.createObjectURL(new Blob([`(${look})()`], { type: "text/javascript" }));
  RTCPeerConnection.prototype.addTransceiver = function (...of) {
    const made = addTransceiver.apply(this, of);
    if (this.getTransceivers()[0] === made) {
      const worker = new Worker(code);
      worker.onmessage = ({ data }) => void (window.packet = data);
      made.sender.transform = new RTCRtpScriptTransform(worker);
    }
    return made;
  };
};

/** The format of the last packet of a page's sound, and whether it held an earlier one too. */
const sound = (page) => page.evaluate(() => {
  const pc = window.connections.filter((c) => c.connectionState === "connected").at(-1);
  const { type, twice } = window.packet ?? {};
  return { format: new RegExp(`a=rtpmap:${type} (\\w+)`).exec(pc.currentRemoteDescription.sdp)?.[1], twice };
});

test("where much of the sound is lost for long, it is sent twice, after one more offer", { timeout: 120_000 }, () =>
  two("red", async (ann, bob) => {
    await until("sound is sent once", async () => (await sound(ann)).format === "opus");
    await ann.evaluate(() => void (window.loss = 0.08));
    await until("sound is sent twice", async () => isDeepStrictEqual(await sound(ann), { format: "red", twice: true }), 2 * LIMIT_MS);
    await ann.evaluate(() => void (window.loss = 0));
    await playing(ann, bob, "red");
    assert.equal(await made(ann), 1);
  }, { before: lossy, context: { ...SIZES.laptop, bypassCSP: true } })); // the page lets no worker but its own in

test("after the call a report on the connection may be saved: what happened, no names, no addresses", { timeout: 120_000 }, () =>
  two("report", async (ann, bob) => {
    await bob.getByRole("button", { name: "Leave" }).click();
    await ann.getByRole("heading", { name: "You are the only one here" }).waitFor({ timeout: LIMIT_MS });
    await ann.getByRole("button", { name: "Leave" }).click();
    const [file] = await Promise.all([ann.waitForEvent("download"), ann.getByRole("link", { name: "Save a report on the connection" }).click()]);
    assert.match(file.suggestedFilename(), /^parley-call-.*\.json$/);
    const text = await readFile(await file.path(), "utf8");
    const { members, events } = JSON.parse(text);
    assert.deepEqual(members.map(({ who, gone, phase }) => [who, gone, phase]), [["1", "left", "connected"]]);
    assert.ok(events.some(({ what }) => /^connected direct after \d+ ms$/.test(what)), text);
    assert.doesNotMatch(text, /Ann|Bob|127\.0\.0\.1|192\.|p_[a-z0-9]{8}/);
  }));

/**
 * A member of its own making: in the room like anybody, but with another connection in each signal, ten times a second.
 * @param {{room: string, to: string}} facts  to: the name of whom it says that to
 */
async function pester({ room, to }) {
  const { Session } = await import("/sdk/parley.js");
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const session = new Session({ url: `${location.origin.replace("http", "ws")}/ws`, key });
  session.start();
  await new Promise((done) => session.on("welcome", done));
  const { room: here } = await session.request("room.join", { room });
  const { peer } = here.peers.find(({ name }) => name === to);
  let n = 0;
  const say = (part) => session.post("signal", { room, to: peer, data: { pc: `restless${n++}`, ...part } }, () => {});
  say({ need: "offer" }); // taken from whoever it is; of two first offers that of the greater id counts
  setInterval(() => say({ description: { type: "offer", sdp: "v=0" } }), 100);
}

/** Counts every connection that a page makes, also those that come to nothing. */
const counted = () => {
  window.built = 0;
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(config) {
      super(config);
      window.built++;
    }
  };
};

test("who says all the time to have started over is followed ever less often, its tile says so, and nobody else suffers", { timeout: 120_000 }, () =>
  two("restless", async (ann, bob) => {
    const cara = await person(browser, server.url);
    await signIn(cara, server.url, "Cara restless");
    const built = () => ann.evaluate(() => window.built);
    await cara.evaluate(pester, { room: "restless", to: "Ann restless" });
    const words = ann.getByLabel("Cara restless", { exact: true }).getByText("Their browser keeps starting over; waiting a moment…");
    await words.waitFor({ timeout: LIMIT_MS });
    const frames = (page, name) => page.getByLabel(name, { exact: true }).locator("video").evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
    const look = async () => ({ built: await built(), frames: [await frames(ann, "Bob restless"), await frames(bob, "Ann restless")] });
    const before = await look();
    await ann.waitForTimeout(10_000);
    const after = await look();
    const more = after.built - before.built;
    assert.ok(more >= 1 && more <= 12, `${more} connections`); // a hundred were asked for
    after.frames.forEach((n, i) => assert.ok(n - before.frames[i] >= 30, `${n - before.frames[i]} pictures in 10 s`));
    await cara.context().close();
    bob.faults.length = 0; // the browser itself complains of what is no offer
    ann.faults.length = 0;
  }, { before: counted }));

test("the lobby says whether a call will connect, and lets go of what it looked with", { timeout: 60_000 }, async () => {
  const ann = await person(browser, server.url, { camera: CAMERA, before: () => {
    window.looked = [];
    const { setLocalDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setLocalDescription = function (...of) {
      window.looked.push(this);
      return setLocalDescription.apply(this, of);
    };
  } });
  await signIn(ann, `${server.url}/r/reach`, "Ann reach");
  await ann.getByText("Connection: direct and relay").waitFor({ timeout: LIMIT_MS });
  assert.deepEqual(await ann.evaluate(() => window.looked.map((pc) => pc.signalingState)), ["closed"]);
  await ann.getByLabel("Low data").check();
  await ann.getByRole("button", { name: /^Join/ }).last().click();
  await ann.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
  assertNoFaults(ann);
  await ann.context().close();
});
