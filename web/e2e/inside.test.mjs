import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person, SIZES } from "./lib/browser.mjs";
import { assertDirect, assertPlaying, assertRelayed, enter, LIMIT_MS, openDevices, signIn, stats, until } from "./lib/call.mjs";
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

/** Two people in one room, and away with them afterwards. */
async function two(room, run, options = {}) {
  const [ann, bob] = [await person(browser, server.url, options), await person(browser, server.url)];
  await enter(ann, `${server.url}/r/${room}`, `Ann ${room}`);
  await enter(bob, `${server.url}/r/${room}`, `Bob ${room}`);
  await Promise.all([assertPlaying(ann, `Bob ${room}`), assertPlaying(bob, `Ann ${room}`)]);
  const before = await Promise.all([negotiated(ann), negotiated(bob)]);
  await run(ann, bob, `Ann ${room}`, `Bob ${room}`);
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
  return before;
}

/** How often each connection of a page was negotiated: every description counts its session up. */
const negotiated = (page) => page.evaluate(() => window.connections.map((pc) => /^o=.*$/m.exec(pc.localDescription.sdp)[0]));

/** The system takes a track away: the page sees nothing but this event. */
const endTrack = (page, slot) => page.evaluate((i) => {
  const { track } = window.connections.at(-1).getTransceivers()[i].sender;
  track.stop();
  track.dispatchEvent(new Event("ended"));
}, slot);

const sentTrack = (page, slot) => page.evaluate((i) => window.connections.at(-1).getTransceivers()[i].sender.track?.id, slot);

test("devices come and go in mid-call without a new offer", { timeout: 120_000 }, () =>
  two("devices", async (ann, bob, annName) => {
    const before = await negotiated(ann);
    const first = await sentTrack(ann, 0);
    await ann.getByRole("button", { name: "Settings" }).click();
    const pick = ann.getByLabel("Microphone", { exact: true }).and(ann.locator("select"));
    const labels = await pick.locator("option").allTextContents();
    assert.ok(labels.length > 1, `microphones: ${labels}`);
    await pick.selectOption({ index: labels.length - 1 });
    await until("another microphone is sent", async () => (await sentTrack(ann, 0)) !== first);
    await ann.keyboard.press("Escape");

    // Unplugged: the default one takes its place, and the page says so.
    const second = await sentTrack(ann, 0);
    await endTrack(ann, 0);
    await ann.getByText("The microphone was disconnected").waitFor();
    await ann.getByText(/^Using .* instead\.$/).waitFor();
    await until("the default microphone is sent", async () => ![undefined, second].includes(await sentTrack(ann, 0)));
    await endTrack(ann, 1);
    await ann.getByText("The camera was disconnected").waitFor();

    // The system itself keeps the camera black for a while, as phones do during another call.
    const hold = (muted) => ann.evaluate((held) => {
      const { track } = window.connections.at(-1).getTransceivers()[1].sender;
      Object.defineProperty(track, "muted", { value: held, configurable: true });
      track.dispatchEvent(new Event(held ? "mute" : "unmute"));
    }, muted);
    await hold(true);
    await ann.getByText("The system has stopped your camera for the moment").waitFor();
    await hold(false);
    await ann.getByText("The system has stopped your camera for the moment").waitFor({ state: "detached" });

    // Camera off, by key, and on again.
    await ann.locator("h1").click();
    await ann.keyboard.press("v");
    await bob.getByLabel(annName, { exact: true }).getByText("camera off").waitFor();
    assert.equal(await sentTrack(ann, 1), undefined);
    await ann.keyboard.press("v");
    await assertPlaying(bob, annName);

    // Muted, and speaking for as long as the space bar is held.
    const mic = ann.getByRole("button", { name: "Microphone" });
    const pressed = (value) => until(`the microphone says ${value}`, async () => (await mic.getAttribute("aria-pressed")) === value);
    await ann.keyboard.press("m");
    await pressed("false");
    await ann.keyboard.down(" ");
    await pressed("true");
    await ann.keyboard.up(" ");
    await pressed("false");
    // A key in a text field is a letter. The invitation has none, the settings' switch ends the single keys.
    await ann.getByRole("button", { name: "Settings" }).click();
    await ann.getByLabel("Single-key shortcuts").uncheck();
    await ann.keyboard.press("Escape");
    await ann.keyboard.press("m");
    await pressed("false");
    await ann.keyboard.press("Control+d");
    await pressed("true");
    assert.deepEqual(await negotiated(ann), before);
  }));

/** A phone with two cameras: one fake camera that says which side it is on. */
function twoSides() {
  const { mediaDevices: devices } = navigator;
  const [list, ask] = [devices.enumerateDevices.bind(devices), devices.getUserMedia.bind(devices)];
  window.sides = [];
  devices.enumerateDevices = async () => {
    const all = await list();
    const camera = all.find((device) => device.kind === "videoinput");
    return camera ? [...all, { kind: "videoinput", deviceId: "back", groupId: "", label: "Back" }] : all;
  };
  devices.getUserMedia = async (wanted) => {
    const side = wanted.video?.facingMode?.exact;
    if (side) {
      window.sides.push(side);
      delete wanted.video.facingMode;
    }
    const stream = await ask(wanted);
    for (const track of stream.getVideoTracks()) {
      const settings = track.getSettings.bind(track);
      track.getSettings = () => ({ ...settings(), facingMode: side ?? "user" });
    }
    return stream;
  };
}

test("a phone turns to its other camera without a new offer", { timeout: 120_000 }, () =>
  two("sides", async (ann, bob, annName) => {
    const before = await negotiated(ann);
    const own = ann.locator(".tile-self video");
    await ann.waitForFunction(() => document.querySelector(".tile-self video.mirrored"));
    await ann.getByRole("button", { name: "Other camera" }).click();
    await until("the back camera is asked for", async () => (await ann.evaluate(() => window.sides.join())) === "environment");
    await until("its picture is not mirrored", async () => !(await own.getAttribute("class"))?.includes("mirrored"));
    await assertPlaying(bob, annName);
    await ann.getByRole("button", { name: "Other camera" }).click();
    await until("the front camera is asked for", async () => (await ann.evaluate(() => window.sides.join())) === "environment,user");
    assert.deepEqual(await negotiated(ann), before);
  }, { context: SIZES.phone, before: twoSides }));

test("in the lobby too a phone turns to its other camera", { timeout: 60_000 }, async () => {
  const ann = await person(browser, server.url, { context: SIZES.phone, before: twoSides });
  await signIn(ann, `${server.url}/r/lobbysides`, "Ann lobbysides");
  const flip = ann.getByRole("button", { name: "Other camera" });
  await openDevices(ann, flip);
  await ann.locator(".preview video.mirrored").waitFor({ timeout: LIMIT_MS });
  await flip.click();
  await until("the back camera's picture is not mirrored", () => ann.evaluate(() => window.sides.at(-1) === "environment" && document.querySelector(".preview video:not(.mirrored)") !== null));
  assertNoFaults(ann);
  await ann.context().close();
});

test("screen, its sound and the camera go together, without a new offer, until the browser's bar ends it", { timeout: 120_000 }, () =>
  two("screen", async (ann, bob, annName) => {
    const before = await negotiated(ann);
    await ann.getByRole("button", { name: "Share screen" }).click();
    await ann.getByText("You are sharing your screen").waitFor();
    const frames = (slot) => bob.evaluate(async (i) => {
      const all = [...(await window.connections.at(-1).getTransceivers()[i].receiver.getStats()).values()];
      const { framesDecoded = 0, packetsReceived = 0, frameHeight = 0 } = all.find((s) => s.type === "inbound-rtp") ?? {};
      return { framesDecoded, packetsReceived, frameHeight };
    }, slot);
    const shown = bob.getByLabel(`Screen of ${annName}`, { exact: true }).first();
    await shown.waitFor({ timeout: LIMIT_MS });
    await until("the screen is decoded at its size", async () => (await frames(2)).frameHeight >= 480);
    const [cam, sound, voice] = [await frames(1), await frames(3), await frames(0)];
    await until("camera, screen sound and voice go on beside it", async () =>
      (await frames(1)).framesDecoded > cam.framesDecoded && (await frames(3)).packetsReceived > sound.packetsReceived && (await frames(0)).packetsReceived > voice.packetsReceived);
    await assertPlaying(bob, annName);
    // As large as it is, to be scrolled, and fitted in again.
    const zoom = async () => {
      const menu = bob.locator("[data-screen]").getByRole("button", { name: `More about ${annName}` });
      await menu.focus();
      await bob.keyboard.press("Enter");
      await bob.getByRole("menuitemcheckbox", { name: "Actual size" }).click();
    };
    const overflows = () => bob.locator("[data-screen] video").evaluate((video) => video.clientWidth === video.videoWidth && video.parentElement.scrollWidth > video.parentElement.clientWidth);
    await zoom();
    await until("it is larger than its place", overflows);
    await zoom();
    assert.equal(await overflows(), false);
    await endTrack(ann, 2);
    await shown.waitFor({ state: "detached", timeout: LIMIT_MS });
    assert.equal(await ann.getByText("You are sharing your screen").count(), 0);
    await assertPlaying(bob, annName);
    assert.deepEqual(await negotiated(ann), before);
  }));

test("sound alone: no picture either way, and words instead, until one wants to be seen", { timeout: 120_000 }, () =>
  two("alone", async (ann, bob, annName, bobName) => {
    const settings = async (run) => {
      await ann.getByRole("button", { name: "Settings" }).click();
      await run(ann.getByLabel("Data use"));
      await ann.keyboard.press("Escape");
    };
    await settings((use) => use.selectOption({ label: "Sound only" }));
    await ann.getByLabel(bobName, { exact: true }).getByText("Sound only").waitFor({ timeout: LIMIT_MS });
    await bob.getByLabel(annName, { exact: true }).getByText("camera off").waitFor({ timeout: LIMIT_MS });
    assert.equal(await ann.locator("[data-peer] video").count(), 0);
    await until("Bob sends no picture", () => bob.evaluate(() => window.connections.at(-1).getTransceivers()[1].sender.getParameters().encodings[0].active === false));
    await ann.getByRole("button", { name: "Camera" }).click();
    await Promise.all([assertPlaying(ann, bobName), assertPlaying(bob, annName)]);
    await settings(async (use) => assert.equal(await use.inputValue(), "low"));
  }));

/** The longest time between two frames of the other person's picture, in milliseconds, from now on. */
const watchGaps = (page) => page.evaluate(() => {
  const video = document.querySelector("video[data-of]");
  let last = performance.now();
  window.longest = 0;
  const frame = () => {
    window.longest = Math.max(window.longest, performance.now() - last);
    last = performance.now();
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
});

test("hiding one's address in mid-call moves the path to the relay and back, without a freeze", { timeout: 120_000 }, () =>
  two("flip", async (ann, bob) => {
    await assertDirect(ann);
    await Promise.all([watchGaps(ann), watchGaps(bob)]);
    const hide = async (on) => {
      for (const page of [ann, bob]) {
        await page.getByRole("button", { name: "Settings" }).click();
        await page.getByLabel("Hide my IP address").setChecked(on);
        await page.keyboard.press("Escape");
        if (on) await until("its end is a relay", async () => (await stats(page))?.local === "relay");
      }
    };
    await hide(true);
    // The far relay may show as an address learnt on the way: each end speaks for itself.
    await until("both ends are relays", async () => (await Promise.all([stats(ann), stats(bob)])).map(({ local }) => local).join() === "relay,relay");
    await Promise.all([assertRelayed(ann), assertRelayed(bob)]);
    await hide(false);
    await until("both ends are direct again", async () => (await Promise.all([stats(ann), stats(bob)])).every(({ local }) => local !== "relay"));
    await assertDirect(ann);
    for (const page of [ann, bob]) {
      const longest = await page.evaluate(() => window.longest);
      assert.ok(longest > 0 && longest < 4000, `the picture stood still for ${longest} ms`);
    }
  }));

test("picture in picture has the person and working controls", { timeout: 120_000 }, () =>
  two("pip", async (ann) => {
    await ann.locator("h1").click();
    await ann.keyboard.press("p");
    const small = (fn) => ann.evaluate(fn);
    await until("the small window plays", () => small(() => {
      const video = window.documentPictureInPicture.window?.document.querySelector("video[data-of]");
      return video?.readyState >= 2 && video.currentTime > 0.5;
    }));
    const mic = ann.getByRole("toolbar").getByRole("button", { name: "Microphone" });
    await small(() => window.documentPictureInPicture.window.document.querySelector("[data-device=mic]").click());
    await until("its microphone button mutes", async () => (await mic.getAttribute("aria-pressed")) === "false");
    assert.ok(await small(() => getComputedStyle(window.documentPictureInPicture.window.document.body).backgroundColor !== "rgba(0, 0, 0, 0)"), "it has the page's looks");
    await small(() => window.documentPictureInPicture.window.document.querySelector(".toggle-leave").click());
    await ann.getByRole("heading", { name: "You have left the room" }).waitFor();
    await until("the small window is gone", () => small(() => window.documentPictureInPicture.window === null));
  }));

test("hands and signs reach the others; the own picture moves; a tile can be turned down and looked into", { timeout: 120_000 }, () =>
  two("signs", async (ann, bob, annName, bobName) => {
    await ann.getByRole("button", { name: "More", exact: true }).click();
    await ann.getByRole("menuitemcheckbox", { name: "Raise hand" }).click();
    await bob.getByLabel(annName, { exact: true }).getByLabel("Hand raised").waitFor();
    await ann.getByRole("button", { name: "More", exact: true }).click();
    await ann.locator("[role^=menuitem]:focus").waitFor();
    // By keyboard: from the items back to the signs above them, and on to the items again.
    for (const key of ["Shift+Tab", "Shift+Tab", "Tab", "Enter"]) await ann.keyboard.press(key);
    await bob.getByLabel(annName, { exact: true }).getByLabel("🎉").waitFor();
    await ann.keyboard.press("Tab");
    assert.equal(await ann.evaluate(() => document.activeElement?.getAttribute("role")), "menuitemcheckbox");
    await ann.keyboard.press("Tab");
    await ann.getByRole("menu").waitFor({ state: "detached" });

    // The own picture goes to another corner by the menu, and by hand.
    const own = ann.locator(".tile-self");
    const at = async () => {
      const { x, y } = await own.boundingBox();
      return `${y < 300 ? "top" : "bottom"} ${x < 600 ? "left" : "right"}`;
    };
    assert.equal(await at(), "bottom right");
    await ann.getByRole("button", { name: "More", exact: true }).click();
    await ann.getByRole("menuitem", { name: "Move my picture" }).click();
    await until("it stands at the left", async () => (await at()) === "bottom left");
    await own.hover();
    await ann.mouse.down();
    await ann.mouse.move(900, 300);
    await ann.mouse.move(1000, 200);
    await ann.mouse.up();
    await until("it stands where it was dropped", async () => (await at()) === "top right" && !(await own.getAttribute("style")));

    await ann.locator("h1").click();
    for (const on of [true, false]) {
      await ann.keyboard.press("f");
      await until(on ? "it fills the screen" : "it is back in its window", () => ann.evaluate((wanted) => (document.fullscreenElement !== null) === wanted, on));
    }

    const menu = ann.getByRole("button", { name: `More about ${bobName}` });
    await menu.focus();
    await ann.keyboard.press("Enter");
    await ann.locator("[role^=menuitem]:focus").waitFor();
    await ann.keyboard.press("Shift+Tab");
    assert.equal(await ann.evaluate(() => document.activeElement?.getAttribute("type")), "range");
    await ann.getByRole("slider").fill("29");
    await ann.keyboard.press("ArrowRight");
    await ann.keyboard.press("Escape");
    await menu.focus();
    await ann.keyboard.press("Enter");
    await ann.getByRole("menuitemcheckbox", { name: "Mute for me" }).click();
    await until("the sound is off, and down to 30 %", () => ann.evaluate(() => {
      const { muted, volume } = document.querySelector("[data-peer] audio");
      return muted && volume === 0.3;
    }));

    await ann.getByRole("button", { name: /Direct/ }).click();
    const dialog = ann.getByRole("dialog");
    await dialog.getByText(`Of that, ${bobName} receives`).waitFor({ timeout: LIMIT_MS });
    await dialog.getByText(/Round trip in the last minute/).waitFor({ timeout: LIMIT_MS });
    await ann.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await dialog.getByRole("button", { name: "Copy details" }).click();
    await dialog.getByText("Copied").waitFor();
    const report = JSON.parse(await ann.evaluate(() => navigator.clipboard.readText()));
    assert.equal(report.members[0].path.kind, "direct");
    assert.ok(report.events.some(({ what }) => /^connected \w+ after \d+ ms$/.test(what)), JSON.stringify(report.events));
    assert.ok(!JSON.stringify(report).includes("127.0.0.1") && !JSON.stringify(report).includes(bobName), "names nobody and no address");
  }));

test("every way in which a camera refuses is told in words", { timeout: 60_000 }, async () => {
  const ann = await person(browser, server.url);
  await signIn(ann, `${server.url}/r/refused`, "Ann refused");
  const refuse = (name, message) => ann.evaluate(([n, m]) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException(m, n));
  }, [name, message]);
  await refuse("NotAllowedError", "Permission denied");
  const toggle = ann.getByRole("button", { name: "Camera", exact: true });
  await openDevices(ann, toggle);
  await until("the camera is off", async () => (await toggle.getAttribute("aria-pressed")) === "false" || toggle.click().then(() => false));
  for (const [name, message, words] of [
    ["NotAllowedError", "Permission denied", "The camera is blocked for this page"],
    ["NotAllowedError", "Permission dismissed", "The browser asked about the camera and got no answer"],
    ["NotAllowedError", "Permission denied by system", "Your system does not let the browser use the camera"],
    ["NotFoundError", "Requested device not found", "No camera found"],
    ["NotReadableError", "Could not start video source", "Another program is using the camera"],
    ["OverconstrainedError", "", "No camera found"],
    ["AbortError", "", "The camera did not start"],
    ["SecurityError", "", "The browser or its administrator has turned the camera off"],
    ["InvalidStateError", "", "The camera did not start"],
    ["UnknownError", "", "The camera did not start"],
  ]) {
    await refuse(name, message);
    await toggle.click();
    await ann.locator(".notice strong").getByText(words, { exact: true }).waitFor({ timeout: LIMIT_MS });
    await ann.locator(".notice").filter({ hasText: words }).getByRole("button", { name: /Go on without|Try again/ }).last().click();
  }
  await ann.context().close();
});
