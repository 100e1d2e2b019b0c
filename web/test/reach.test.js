import assert from "node:assert/strict";
import { test } from "node:test";
import { reach } from "../static/js/check/reach.js";

const ICE = { iceServers: [{ urls: "turn:h", username: "u", credential: "c" }], iceTransportPolicy: "all" };

/** A browser that finds these candidates, reports these errors, and may never come to an end. */
function browser(types, { errors = [], ends = true } = {}) {
  const made = [];
  class Connection {
    constructor(config) {
      made.push(Object.assign(this, { config, closed: false }));
    }
    createDataChannel() {}
    async createOffer() {
      return {};
    }
    async setLocalDescription() {
      for (const errorCode of errors) this.onicecandidateerror({ errorCode });
      for (const type of types) this.onicecandidate({ candidate: { candidate: `candidate:1 1 udp 1 h 1 typ ${type}`, type } });
      if (ends) this.onicecandidate({ candidate: null });
    }
    close() {
      this.closed = true;
    }
  }
  return { Connection, made };
}

test("what is found says which ways there are, with the credentials of the servers, and nothing is left open", async () => {
  const find = async (types, how) => {
    const { Connection, made } = browser(types, how);
    const found = await reach(ICE, undefined, Connection);
    assert.deepEqual([made.length, made[0].closed, made[0].config.iceServers], [1, true, ICE.iceServers]);
    return found;
  };
  assert.equal(await find(["host", "srflx", "relay"]), "both");
  assert.equal(await find(["host", "relay"]), "both"); // no translator on the way
  assert.equal(await find(["host", "relay"], { errors: [701] }), "relay");
  assert.equal(await find(["host", "srflx"], { errors: [701] }), "direct");
  assert.equal(await find(["host"], { errors: [701] }), "none");
  assert.equal(await find([]), "none");
});

test("a browser that does not come to an end is asked for what it has after a while", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { Connection } = browser(["host", "srflx"], { ends: false });
  const found = reach(ICE, undefined, Connection);
  for (let i = 0; i < 20; i++) {
    await new Promise((done) => setImmediate(done));
    t.mock.timers.tick(1_000);
  }
  assert.equal(await found, "direct");
});

test("who has gone on leaves no connection behind", async () => {
  const { Connection, made } = browser(["host"], { ends: false });
  const over = new AbortController();
  const found = reach(ICE, over.signal, Connection);
  over.abort();
  await found;
  assert.equal(made[0].closed, true);
});
