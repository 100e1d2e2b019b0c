import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNoFaults, launch, person } from "./lib/browser.mjs";
import { enter, LIMIT_MS, until } from "./lib/call.mjs";
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

/** The words under the four pictures, as a person reads them out. */
async function code(page) {
  await page.getByRole("button", { name: "Verify", exact: true }).click({ timeout: LIMIT_MS });
  const items = page.getByRole("dialog").getByRole("listitem");
  await items.nth(3).waitFor({ timeout: LIMIT_MS });
  const words = await items.allInnerTexts();
  assert.equal(words.length, 4);
  return words.map((word) => word.replace(/[^a-z]/g, "")).join(" ");
}

test("both people read the same four pictures, and keep the mark", { timeout: 120_000 }, async () => {
  const [ann, bob] = [await person(browser, server.url), await person(browser, server.url)];
  await enter(ann, `${server.url}/r/trust`, "Ann trust");
  await enter(bob, `${server.url}/r/trust`, "Bob trust");
  const [a, b] = [await code(ann), await code(bob)];
  assert.match(a, /^\w+ \w+ \w+ \w+$/);
  assert.equal(a, b);
  await ann.getByRole("button", { name: "They match" }).click();
  await ann.getByRole("button", { name: "Verified" }).waitFor();
  await ann.getByLabel("Bob trust", { exact: true }).getByText("Verified").first().waitFor();
  assertNoFaults(ann, bob);
  await Promise.all([ann.context().close(), bob.context().close()]);
});

/**
 * Runs in a page of the one in between: a connection of its own to each side,
 * who is told that it is the other. It passes on what they say, and does the
 * comparison with both as well as anybody could.
 */
async function inBetween() {
  const base = new URL("rtc/sas.js", document.querySelector("script[type=module]").src);
  const { SafetyCode, fingerprintsOf } = await import(base);
  const sides = {};
  const other = { ann: "bob", bob: "ann" };
  const code = {};
  window.codes = () => Object.values(code).map(({ state }) => state);

  const connect = (name) => {
    const pc = new RTCPeerConnection();
    const ctl = pc.createDataChannel("ctl", { negotiated: true, id: 0 });
    pc.createDataChannel("bulk", { negotiated: true, id: 1 });
    const side = (sides[name] = { pc, ctl, id: Math.random().toString(16).slice(2), early: [], said: [] });
    pc.onicecandidate = ({ candidate }) => candidate && window.toClient(name, { pc: side.id, candidates: [candidate.toJSON()] });
    const safety = () => (code[name] ??= new SafetyCode({
      fingerprints: () => fingerprintsOf(pc), changed() {},
      send: (t, fields) => ctl.send(JSON.stringify({ t, ...fields })),
    }));
    ctl.onopen = () => {
      safety();
      for (const data of side.said.splice(0)) ctl.send(data);
    };
    ctl.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.t.startsWith("sas.")) void safety().handle(message);
      else if (sides[other[name]]?.ctl.readyState === "open") sides[other[name]].ctl.send(data);
      else sides[other[name]]?.said.push(data);
    };
    return side;
  };
  const offer = async (name) => {
    const { pc, id } = connect(name);
    for (const kind of ["audio", "video", "video", "audio"]) pc.addTransceiver(kind);
    await pc.setLocalDescription();
    window.toClient(name, { pc: id, description: pc.localDescription });
  };
  window.fromClient = async (name, { pc: from, need, description, candidates = [] }) => {
    if (sides[name]?.from && sides[name].from !== from) {
      // The client has started over.
      sides[name].pc.close();
      delete sides[name];
      delete code[name];
    }
    if (need && !sides[name]) await offer(name);
    const side = sides[name] ?? connect(name);
    side.from = from;
    const { pc } = side;
    if (description) {
      await pc.setRemoteDescription(description);
      for (const candidate of side.early.splice(0)) await pc.addIceCandidate(candidate);
      if (description.type === "offer") {
        await pc.setLocalDescription();
        window.toClient(name, { pc: side.id, description: pc.localDescription });
        if (!sides[other[name]]) await offer(other[name]);
      }
    }
    for (const candidate of candidates) {
      if (pc.remoteDescription) await pc.addIceCandidate(candidate);
      else side.early.push(candidate);
    }
  };
}

test("who swaps the fingerprints on the way makes the two codes differ", { timeout: 120_000 }, async () => {
  const between = await person(browser, server.url);
  await between.goto(`${server.url}/about`);
  await between.getByRole("heading", { level: 1 }).waitFor();
  let over = false;
  const sockets = {};
  /** What each client knows of the other, to speak in its name. */
  const known = {};
  /** What waits until the client has heard of the other from the server: before that it would be dropped. */
  const held = { ann: [], bob: [] };
  const deliver = (name) => {
    const { room, to } = known[name];
    for (const data of held[name].splice(0)) sockets[name].send(JSON.stringify({ t: "signal", room, from: to, data }));
  };
  await between.exposeFunction("toClient", (name, data) => {
    held[name].push(data);
    if (known[name]) deliver(name);
  });
  // Who may hear is told real addresses, not names that have to be looked up.
  await between.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true }).then((stream) => void (window.ear = stream)));
  await between.evaluate(inBetween);

  const people = {};
  for (const name of ["ann", "bob"]) {
    const page = (people[name] = await person(browser, server.url));
    await page.routeWebSocket(/\/ws$/, (socket) => {
      sockets[name] = socket;
      const onward = socket.connectToServer();
      socket.onMessage((text) => {
        const frame = JSON.parse(text);
        if (frame.t !== "signal") return onward.send(text);
        if (frame.to !== "*") known[name] = { room: frame.room, to: frame.to }; // else: for whoever comes, who is told of later
        between.evaluate(([who, data]) => window.fromClient(who, data), [name, frame.data]).catch((error) => {
          if (!over) throw error; // who is left behind offers anew while everything closes
        });
      });
      onward.onMessage((text) => {
        const frame = JSON.parse(text);
        // Who the other one is stands in what the server says, before any signal of one's own.
        const peer = frame.t === "room.peer" ? frame.peer : frame.room?.peers?.find(({ name: label }) => label !== `${name} swapped`);
        if (peer && peer.name !== `${name} swapped`) known[name] ??= { room: "swapped", to: peer.peer };
        socket.send(text);
        if (known[name]) deliver(name);
      });
    });
    await enter(page, `${server.url}/r/swapped`, `${name} swapped`);
  }
  const [a, b] = [await code(people.ann), await code(people.bob)];
  await until("the one in between has both codes", async () => (await between.evaluate(() => window.codes())).join() === "ready,ready");
  assert.notEqual(a, b);

  // The answer to that is to end the call.
  await people.ann.getByRole("button", { name: "They differ: end the call" }).click();
  await people.ann.getByRole("heading", { name: "You have left the room" }).waitFor();
  over = true;
  await Promise.all([between, people.ann, people.bob].map((page) => page.context().close()));
});
