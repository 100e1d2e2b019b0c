import assert from "node:assert/strict";

/** Generous: the machine may be busy with other tests. */
export const LIMIT_MS = 30_000;

/** Opens a path and gives a name where one is asked for. */
export async function signIn(page, url, name) {
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor({ timeout: LIMIT_MS });
}

/**
 * In a lobby: turns the devices on where that takes a click. A page that may open them does so by itself, and its button is
 * gone before it can be clicked.
 * @param {import("playwright-core").Locator} then  what is there once they are on
 */
export async function openDevices(page, then) {
  const open = page.getByRole("button", { name: "Turn on camera and microphone" });
  await open.or(then).first().waitFor({ timeout: LIMIT_MS });
  if (await open.isVisible()) await open.click({ timeout: 2_000 }).catch(() => {});
  await then.waitFor({ timeout: LIMIT_MS });
}

/** Signs in on the way to a room, and goes in. */
export async function enter(page, url, name, { hideIp = false } = {}) {
  await signIn(page, url, name);
  if (hideIp) await page.getByLabel("Hide my IP address").check();
  const join = page.getByRole("button", { name: "Join", exact: true });
  await openDevices(page, join);
  await join.click({ timeout: LIMIT_MS });
  await page.getByRole("toolbar").waitFor({ timeout: LIMIT_MS });
}

/** Polls until check gives something true; the last value is in the error. */
export async function until(what, check, limit = LIMIT_MS) {
  let value;
  for (const end = Date.now() + limit; Date.now() < end; ) {
    value = await check();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 250));
  }
  assert.fail(`${what}: still ${JSON.stringify(value)} after ${limit} ms`);
}

/** What a picture shows: a look at one video element, twice. */
function look(page, name) {
  return page.evaluate(async (label) => {
    // Parley's own page has tiles, the library's example a figure with picture and sound in one.
    const named = (tile) => (tile.getAttribute("aria-label") ?? tile.textContent) === label;
    const tile = [...document.querySelectorAll(".tile, figure")].find(named);
    const video = tile?.querySelector("video");
    const audio = tile?.querySelector("audio") ?? video;
    if (!video || video.readyState < 2) return null;
    const pixels = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, 64, 48);
      return context.getImageData(0, 0, 64, 48).data;
    };
    const [start, frames, first] = [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames, pixels()];
    await new Promise((done) => setTimeout(done, 1000));
    const last = pixels();
    let lit = 0;
    let moved = 0;
    for (let i = 0; i < last.length; i += 4) {
      if (last[i] + last[i + 1] + last[i + 2] > 30) lit++;
      if (Math.abs(last[i] - first[i]) + Math.abs(last[i + 1] - first[i + 1]) > 30) moved++;
    }
    return {
      seconds: video.currentTime - start,
      frames: video.getVideoPlaybackQuality().totalVideoFrames - frames,
      lit: lit / (last.length / 4),
      moved,
      sound: Boolean(audio && !audio.paused && !audio.muted && audio.srcObject?.getAudioTracks().length),
    };
  }, name);
}

/** Counters and the selected pair of the newest live connection of a page. */
export function stats(page) {
  return page.evaluate(async () => {
    const pc = window.connections.filter((c) => c.connectionState !== "closed").at(-1);
    if (!pc) return null;
    const all = [...(await pc.getStats()).values()];
    const transport = all.find((s) => s.type === "transport");
    const pair = all.find((s) => s.id === transport?.selectedCandidatePairId);
    const by = (id) => all.find((s) => s.id === id);
    const inbound = (kind) => all.filter((s) => s.type === "inbound-rtp" && s.kind === kind);
    const sum = (list, field) => list.reduce((total, s) => total + (s[field] ?? 0), 0);
    return {
      state: pc.connectionState,
      dtls: transport?.dtlsState,
      pair: pair?.state,
      local: by(pair?.localCandidateId)?.candidateType,
      relayProtocol: by(pair?.localCandidateId)?.relayProtocol,
      remote: by(pair?.remoteCandidateId)?.candidateType,
      frames: sum(inbound("video"), "framesDecoded"),
      framesSent: sum(all.filter((s) => s.type === "outbound-rtp" && s.kind === "video"), "framesSent"),
      audioPackets: sum(inbound("audio"), "packetsReceived"),
      audioSent: sum(all.filter((s) => s.type === "outbound-rtp" && s.kind === "audio"), "packetsSent"),
      audioEnergy: sum(inbound("audio"), "totalAudioEnergy"),
    };
  });
}

/** The call works in this page: picture and sound of the person arrive, move and play. */
export async function assertPlaying(page, name) {
  await until(`${name}'s picture plays`, async () => {
    const seen = await look(page, name);
    return seen && seen.seconds >= 0.8 && seen.frames >= 5 && seen.lit > 0.5 && seen.moved > 0 && seen.sound;
  });
  const before = await stats(page);
  const after = await until(`${name}'s media flows`, async () => {
    const now = await stats(page);
    const flows = now.frames - before.frames >= 5 && now.audioPackets > before.audioPackets && now.audioEnergy > before.audioEnergy;
    // A pair that is being checked once more is "in-progress" for a moment.
    return flows && now.pair === "succeeded" && now;
  });
  assert.equal(after.state, "connected");
  assert.equal(after.dtls, "connected");
  return after;
}

/** Direct: neither end is a relay, and the page says so. */
export async function assertDirect(page) {
  const { local, remote } = await stats(page);
  assert.notEqual(local, "relay");
  assert.notEqual(remote, "relay");
  await page.getByRole("button", { name: /Direct · UDP · \d+ ms/ }).waitFor({ timeout: LIMIT_MS });
}

/** Relayed at this end, over the transport if one is given, and the page says over which. */
export async function assertRelayed(page, transport) {
  const { local, remote, relayProtocol: used } = await stats(page);
  assert.equal(local, "relay");
  // A relay whose packets came before its candidate shows as an address learnt on the way.
  assert.ok(remote === "relay" || remote === "prflx", remote);
  if (transport) assert.equal(used, transport);
  await until("the page says over which transport", async () => {
    const { relayProtocol } = await stats(page);
    const text = new RegExp(`Relayed by this server · ${relayProtocol?.toUpperCase()} · \\d+ ms`);
    return page.getByRole("button", { name: text }).isVisible();
  });
}
