import assert from "node:assert/strict";
import { test } from "node:test";
import { Files } from "../static/js/files/files.js";
import { largestChunk, pack, unpack } from "../static/js/files/frame.js";
import { BLOCK, Blocks, digest, hex } from "../static/js/files/hash.js";
import { safeName } from "../static/js/files/name.js";
import { Incoming } from "../static/js/files/receive.js";
import { opfsSink, ramSink, SEGMENT } from "../static/js/files/sink.js";
import { Window } from "../static/js/files/window.js";
import { FakeFolder } from "./folder.js";
import { rig } from "./wire.js";

/** @param {number} size @param {number} [seed] */
function bytes(size, seed = 7) {
  const out = new Uint8Array(size);
  for (let i = 0, x = seed; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    out[i] = x;
  }
  return out;
}
const file = (size, name = "report.pdf", seed = 7) => new File([bytes(size, seed)], name, { lastModified: 5 });

function join(wire, id, { memory = remembers(), stored = async () => { throw new Error("none"); } } = {}) {
  const files = new Files({ call: wire.join(id), room: () => "r", video: () => false, memory, stored, folder: (name) => `1-${name}` });
  wire.open(id);
  return files;
}
function remembers() {
  let list = [];
  return { load: () => list, save: (next) => (list = next) };
}

const until = async (what, check) => {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (check()) return;
    await new Promise((done) => setTimeout(done, 1));
  }
  assert.fail(`${what} did not come true`);
};
const only = (files) => files.rows[0];
const content = async (blob) => hex(await digest(await blob.arrayBuffer()));

for (const size of [0, 1, BLOCK, 3 * BLOCK + 5]) {
  test(`a file of ${size} bytes arrives as it was`, async () => {
    const wire = rig();
    const [ann, bob] = [join(wire, "a"), join(wire, "b")];
    const offered = [];
    bob.on("offered", (row) => offered.push(row.name));
    ann.offer([file(size, "../x/re:port.pdf")]);
    assert.deepEqual(offered, ["re_port.pdf"]);
    assert.deepEqual(only(bob), { ...only(bob), who: "A", size, state: "offered" });
    await bob.accept(only(bob).key, ramSink());
    await until("it is saved", () => only(ann).state === "done" && only(bob).state === "done");
    assert.equal(await content(only(bob).result), await content(file(size)));
    assert.equal(only(ann).done, size);
    assert.deepEqual(wire.starts, [0]);
  });
}

test("after a drop it goes on where the other side was, and not from the start", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(24 * BLOCK)]);
  await bob.accept(only(bob).key, ramSink());
  await until("a part is there", () => only(bob).done >= 3 * BLOCK);
  wire.cut("a", "b");
  ann.pause(only(ann).key, false);
  const kept = only(bob).done;
  assert.ok(kept < 24 * BLOCK);
  wire.mend("a", "b");
  await until("it is saved", () => only(bob).state === "done" && only(ann).state === "done");
  assert.equal(await content(only(bob).result), await content(file(24 * BLOCK)));
  assert.ok(wire.starts[1] >= kept, `started again at ${wire.starts[1]}, ${kept} were there`);
});

test("an end whose word was lost with the link is told again", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  const inject = wire.inject;
  wire.inject = (from, to, message) => message.t === "file.saved" || inject(from, to, message);
  ann.offer([file(10)]);
  await bob.accept(only(bob).key, ramSink());
  await until("it is there", () => only(bob).state === "done");
  assert.equal(only(ann).state, "sending");
  wire.inject = inject;
  wire.cut("a", "b");
  wire.mend("a", "b");
  assert.equal(only(ann).state, "done");
});

test("after a reload of the receiver it goes on from what was stored", async () => {
  const wire = rig();
  const memory = remembers();
  const folder = new FakeFolder();
  const [ann, bob] = [join(wire, "a"), join(wire, "b", { memory })];
  const size = 2 * SEGMENT + 3 * BLOCK;
  ann.offer([file(size)]);
  await bob.accept(only(bob).key, await opfsSink(folder));
  await until("a segment is there", () => only(bob).done >= SEGMENT + BLOCK);
  wire.leave("b");
  bob.close();
  assert.equal(only(ann).state, "waiting");
  const again = join(wire, "b", { memory, stored: async () => opfsSink(folder) });
  await until("it is saved", () => again.rows[0]?.state === "done" && only(ann).state === "done");
  assert.equal(await content(again.rows[0].result), await content(file(size)));
  assert.equal(wire.starts.at(-1), SEGMENT);
  assert.deepEqual(memory.load(), []);
});

test("after a reload of the sender the same file has to be chosen again, and no other goes on", async () => {
  const wire = rig();
  const memory = remembers();
  const [ann, bob] = [join(wire, "a", { memory }), join(wire, "b")];
  ann.offer([file(24 * BLOCK)]);
  await bob.accept(only(bob).key, ramSink());
  await until("a part is there", () => only(bob).done >= 2 * BLOCK);
  wire.leave("a");
  ann.close();
  assert.equal(only(bob).state, "waiting");
  const kept = only(bob).done;
  const again = join(wire, "a", { memory });
  let told = 0;
  again.on("change", () => told++);
  await Promise.resolve();
  assert.ok(told > 0, "nobody was told of what a reload has left");
  assert.equal(only(again).state, "repick");
  assert.equal(again.repick(only(again).key, file(24 * BLOCK + 1)), false);
  assert.equal(again.repick(only(again).key, file(24 * BLOCK)), true);
  await until("it is saved", () => only(bob).state === "done");
  assert.ok(wire.starts.at(-1) >= kept);
});

test("another file under the same name and size starts over", async () => {
  const wire = rig();
  const memory = remembers();
  const [ann, bob] = [join(wire, "a", { memory }), join(wire, "b")];
  ann.offer([file(24 * BLOCK)]);
  await bob.accept(only(bob).key, ramSink());
  await until("a part is there", () => only(bob).done >= 2 * BLOCK);
  wire.leave("a");
  ann.close();
  const again = join(wire, "a", { memory });
  assert.equal(again.repick(only(again).key, file(24 * BLOCK, "report.pdf", 9)), true);
  await until("it is saved", () => only(bob).state === "done");
  assert.equal(wire.starts.at(-1), 0);
  assert.equal(await content(only(bob).result), await content(file(24 * BLOCK, "", 9)));
});

test("decline, cancel and pause are heard on the other side", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(10), file(30 * BLOCK, "big"), file(20, "third")]);
  const [no, big, third] = bob.rows.map(({ key }) => key);
  bob.decline(no);
  assert.equal(ann.rows[0].state, "declined");
  await bob.accept(big, ramSink());
  await until("it runs", () => bob.rows[1].done > BLOCK);
  bob.pause(big, true);
  assert.equal(ann.rows[1].paused, true);
  const at = ann.rows[1].done;
  await new Promise((done) => setTimeout(done, 600));
  assert.ok(ann.rows[1].done <= at + 17 * BLOCK && bob.rows[1].state === "receiving" && ann.rows[1].state === "sending");
  bob.pause(big, false);
  assert.equal(ann.rows[1].paused, false);
  ann.cancel(ann.rows[1].key);
  assert.equal(bob.rows[1].state, "cancelled");
  ann.cancel(ann.rows[2].key);
  assert.equal(bob.rows[2].state, "cancelled");
  bob.dismiss(third);
  assert.equal(bob.rows.length, 2);
});

test("cancel and pause said while the link was down are heard once it is back", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(30 * BLOCK, "one"), file(30 * BLOCK, "two"), file(30 * BLOCK, "three"), file(10, "four")]);
  const [one, two, three] = bob.rows.map(({ key }) => key);
  for (const key of [one, two, three]) {
    bob.pause(key, true);
    await bob.accept(key, ramSink());
  }
  wire.cut("a", "b");
  ann.cancel(ann.rows[0].key);
  bob.pause(two, false);
  ann.pause(ann.rows[1].key, true);
  bob.pause(three, false);
  ann.cancel(ann.rows[3].key);
  wire.mend("a", "b");
  assert.deepEqual([bob.rows[0].state, bob.rows[3].state], ["cancelled", "cancelled"]);
  assert.deepEqual([bob.rows[1].paused, ann.rows[1].paused, ann.rows[2].paused], [true, true, false]);
  await until("the third is there", () => bob.rows[2].state === "done");
  ann.pause(ann.rows[1].key, false);
  await until("the second is there", () => bob.rows[1].state === "done");
});

test("who wants a file that was taken back is told so", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(10)]);
  const inject = wire.inject;
  wire.inject = (from, to, message) => message.t === "file.cancel" || inject(from, to, message);
  ann.cancel(only(ann).key);
  wire.inject = inject;
  await bob.accept(only(bob).key, ramSink());
  await until("Bob knows", () => only(bob).state === "cancelled");
});

test("what was changed on the way is refused", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(BLOCK)]);
  const sink = ramSink();
  const { write } = sink;
  await bob.accept(only(bob).key, { ...sink, write: (data) => write.call(sink, data), size: 0 });
  const { id } = wire.said.find(({ t }) => t === "file.offer");
  wire.inject("a", "b", { t: "file.done", id, sha256: "00" });
  await until("the honest end comes", () => only(bob).state === "done" || only(bob).state === "failed");
  const again = rig();
  const [cara, dora] = [join(again, "a"), join(again, "b")];
  const inject = again.inject;
  again.inject = (from, to, message) => inject(from, to, message.t === "file.done" ? { ...message, sha256: "00" } : message);
  cara.offer([file(BLOCK)]);
  await dora.accept(only(dora).key, ramSink());
  await until("it failed", () => only(dora).state === "failed" && only(cara).state === "failed");
  assert.deepEqual([only(dora).problem, only(cara).problem], ["hash", "hash"]);
});

test("each side is told why the other could not go on", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  const gone = Object.assign(file(BLOCK), { slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("", "NotReadableError")) }) });
  ann.offer([file(BLOCK), gone, file(BLOCK), file(BLOCK)]);
  const [full, moved, large, broken] = bob.rows.map(({ key }) => key);
  await bob.accept(broken, { ...ramSink(), write: () => Promise.reject(new DOMException("", "InvalidStateError")) });
  await bob.accept(full, { ...ramSink(), write: () => Promise.reject(new DOMException("", "QuotaExceededError")) });
  await bob.accept(moved, ramSink());
  bob.cancel(large, "large");
  await until("all have failed", () => [...ann.rows, ...bob.rows].every(({ state }) => state === "failed"));
  for (const { rows } of [ann, bob]) assert.deepEqual(rows.map(({ problem }) => problem), ["space", "read", "large", "disk"]);
});

test("a second file leaves the first alone, and an empty room is told", async () => {
  const wire = rig();
  const ann = join(wire, "a");
  assert.equal(ann.offer([file(1)]), false);
  const bob = join(wire, "b");
  assert.equal(ann.offer([file(24 * BLOCK)]), true);
  await bob.accept(only(bob).key, ramSink());
  await until("a part is there", () => only(bob).done >= 2 * BLOCK);
  ann.offer([file(BLOCK, "second")]);
  assert.equal(only(ann).state, "sending");
  await until("it is saved", () => only(bob).state === "done");
  assert.deepEqual(wire.starts, [0]);
});

test("hostile offers and frames do nothing", () => {
  const wire = rig();
  join(wire, "a");
  const bob = join(wire, "b");
  const offer = { t: "file.offer", id: "0123456789abcdef", handle: 1, name: "x", size: 5, type: "t", mtime: 1 };
  for (const bad of [{ id: 5 }, { id: "../x" }, { handle: -1 }, { handle: 2 ** 33 }, { size: -1 }, { size: 1.5 }, { size: "9" }, { size: 2 ** 60 }]) {
    wire.inject("a", "b", { ...offer, ...bad });
  }
  assert.equal(bob.rows.length, 0);
  wire.inject("a", "b", { ...offer, name: { toString: "x" } });
  assert.equal(only(bob).name, "file");
  for (let i = 0; i < 80; i++) wire.inject("a", "b", { ...offer, id: (0x1000000000000000n + BigInt(i)).toString(16) });
  assert.equal(bob.rows.length, 60);
  assert.equal(wire.said.filter(({ t }) => t === "file.decline").length, 21);
});

test("who takes offers back cannot ask without end", () => {
  const wire = rig();
  join(wire, "a");
  const bob = join(wire, "b");
  const asked = [];
  bob.on("offered", ({ key }) => asked.push(key));
  for (let i = 0; i < 90; i++) {
    const id = (0x1000000000000000n + BigInt(i)).toString(16);
    wire.inject("a", "b", { t: "file.offer", id, handle: i, name: "x", size: 5, type: "t", mtime: 1 });
    wire.inject("a", "b", { t: "file.cancel", id, reason: i % 2 ? "hash" : "cancelled" });
  }
  assert.deepEqual([bob.rows.length, asked.length], [60, 60]);
  bob.dismiss(asked[0]);
  wire.inject("a", "b", { t: "file.offer", id: "f000000000000000", handle: 9, name: "x", size: 5, type: "t", mtime: 1 });
  assert.equal(bob.rows.at(-1).state, "offered");
});

test("what comes faster than the disk takes it does not fill the memory", async () => {
  const facts = { id: "0123456789abcdef", handle: 1, peer: "a", to: "A", name: "x", size: 64 * BLOCK, type: "", mtime: 1 };
  const part = new Incoming(facts, { say: () => true, changed() {} });
  const sink = ramSink();
  let go;
  const stuck = new Promise((done) => (go = done));
  await part.accept({ ...sink, write: (data) => stuck.then(() => sink.write(data)) });
  part.started(0);
  for (let i = 0; i < 64; i++) part.take(i * BLOCK, new Uint8Array(BLOCK));
  go();
  await until("what was kept is written", () => part.written >= 31 * BLOCK);
  await new Promise((done) => setImmediate(done));
  assert.ok(part.written <= 33 * BLOCK, `${part.written / BLOCK} MiB were kept`);
});

test("after the call no place stays open that nobody finds again", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(9 * BLOCK)]);
  let discarded = false;
  let go;
  const disk = new Promise((done) => (go = done)); // so slow that the call ends first
  await bob.accept(only(bob).key, { ...ramSink(), kind: "picker", write: () => disk, discard: async () => void (discarded = true) });
  let told = 0;
  bob.on("change", () => told++);
  bob.close();
  go();
  await until("it is closed", () => discarded);
  assert.deepEqual([only(bob).state, told], ["cancelled", 0]);
  ann.cancel(only(ann).key);
});

test("what is complete is not touched any more", async () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.offer([file(BLOCK)]);
  let cuts = 0;
  const sink = ramSink();
  await bob.accept(only(bob).key, { ...sink, cut: async (size) => (cuts++, sink.cut(size)) });
  await until("it is saved", () => only(bob).state === "done");
  const { handle } = wire.said.find(({ t }) => t === "file.offer");
  bob.o.call.events.emit("bulk", { id: "a", data: pack(handle, 0, new ArrayBuffer(0)) });
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([cuts, await content(only(bob).result)], [0, await content(file(BLOCK))]);
});

test("frames carry whose bytes they are and where they belong", () => {
  const { handle, offset, bytes: part } = unpack(pack(0xfffffffe, 2 ** 40 + 3, new Uint8Array([1, 2, 3]).buffer));
  assert.deepEqual([handle, offset, ...part], [0xfffffffe, 2 ** 40 + 3, 1, 2, 3]);
  assert.equal(unpack(new ArrayBuffer(11)), null);
  assert.equal(unpack(new Uint8Array(20).fill(255).buffer), null);
  assert.deepEqual([largestChunk(undefined), largestChunk(65536), largestChunk(2 ** 30)], [262132, 65524, 262132]);
});

test("digests of blocks add up, and know what is missing", async () => {
  const data = bytes(2 * BLOCK + 9);
  const read = async (from, to) => data.slice(from, to).buffer;
  const [one, two] = [new Blocks(), new Blocks()];
  await one.fill(data.length, read);
  two.set(1, await digest(data.slice(BLOCK, 2 * BLOCK)));
  assert.equal(two.has(0), false);
  await two.fill(data.length, read);
  assert.equal(await one.total(), await two.total());
  one.cut(2);
  assert.equal(one.get(2), "");
});

test("names from elsewhere are made harmless", () => {
  const cases = { "../../etc/passwd": "passwd", "C:\\x\\y.txt": "y.txt", ".bashrc": "bashrc", "a\u202Egpj.exe": "a_gpj.exe", "a\u061Cb.txt": "a_b.txt", "CON.txt": "_CON.txt", "": "file", "  . ": "file", "über straße.pdf": "über straße.pdf", "a<b>:c|d?.txt": "a_b__c_d_.txt" };
  for (const [name, safe] of Object.entries(cases)) assert.equal(safeName(name), safe, name);
  const long = safeName(`${"x".repeat(300)}.tar.gz`);
  assert.ok(long.length <= 120 && long.endsWith(".gz"));
  assert.equal(safeName(undefined), "file");
});

test("sinks append, cut and give back what they hold", async () => {
  for (const make of [async () => ramSink(), async () => opfsSink(new FakeFolder())]) {
    const sink = await make();
    const data = bytes(SEGMENT + 2 * BLOCK);
    for (let at = 0; at < data.length; at += BLOCK) await sink.write(data.subarray(at, at + BLOCK));
    assert.equal(sink.size, data.length);
    const left = await sink.cut(SEGMENT + BLOCK);
    assert.ok(left === SEGMENT + BLOCK || left === SEGMENT, sink.kind);
    await sink.write(data.subarray(left));
    assert.equal(await content(await sink.finish()), hex(await digest(data)), sink.kind);
    await sink.discard();
  }
});

test("stored segments survive, one that was open does not", async () => {
  const folder = new FakeFolder();
  const data = bytes(SEGMENT + BLOCK);
  const first = await opfsSink(folder);
  await first.write(data);
  const second = await opfsSink(folder);
  assert.equal(second.size, SEGMENT);
  await second.write(data.subarray(SEGMENT));
  assert.equal(await content(await second.finish()), hex(await digest(data)));
});

test("the window grows with the link and shrinks while a call suffers", () => {
  const window = new Window();
  assert.equal(window.size, 256 * 1024);
  for (let i = 0; i < 20; i++) window.measured(1_000_000, 100);
  assert.ok(window.size > 2_000_000 && window.size < 2_600_000);
  const before = window.size;
  window.look(0, { video: true, rtt: 40 });
  assert.equal(window.size, before);
  window.look(2000, { video: true, rtt: 200 });
  assert.equal(window.size, Math.round(before / 2));
  window.look(2100, { video: true, rtt: 200 });
  assert.equal(window.size, Math.round(before / 2), "once a second");
  window.look(4000, { video: true, rtt: 200 });
  assert.equal(window.size, Math.round(before / 4));
  window.look(6000, { video: false, rtt: 200 });
  window.look(8000, { video: true, rtt: NaN });
  window.look(9000, { video: true, rtt: 41 });
  assert.equal(window.size, before);
});
