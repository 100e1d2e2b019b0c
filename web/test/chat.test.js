import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../static/js/chat/chat.js";
import { parts } from "../static/js/chat/links.js";
import { cleanText, Log, MAX_ENTRIES } from "../static/js/chat/log.js";
import { rig } from "./wire.js";

const texts = (chat) => chat.entries.map(({ name, text }) => `${name}: ${text}`);

/** @param {ReturnType<typeof rig>} wire */
const join = (wire, id) => {
  const chat = new Chat({ call: wire.join(id), self: { peer: id, name: id.toUpperCase() } });
  wire.open(id);
  return chat;
};

test("what is said arrives once, is confirmed, and keeps its order", () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  const heard = [];
  bob.on("message", ({ text }) => heard.push(text));
  assert.equal(ann.say("  one "), true);
  assert.equal(ann.say(" \n "), false);
  ann.say("two");
  bob.say("three");
  assert.deepEqual(texts(bob), ["A: one", "A: two", "B: three"]);
  assert.deepEqual(texts(ann), texts(bob));
  assert.deepEqual(heard, ["one", "two"]);
  assert.deepEqual(ann.entries.map(({ waiting }) => waiting), [0, 0, 0]);
});

test("what was said while the link was down is said again, in order and once", () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.say("before");
  wire.loseAcks = true;
  ann.say("arrives, but its confirmation is lost");
  wire.loseAcks = false;
  wire.cut("a", "b");
  ann.say("one");
  ann.say("two");
  assert.deepEqual(ann.entries.map(({ waiting }) => waiting), [0, 1, 1, 1]);
  wire.mend("a", "b");
  assert.deepEqual(texts(bob), ["A: before", "A: arrives, but its confirmation is lost", "A: one", "A: two"]);
  assert.deepEqual(ann.entries.map(({ waiting }) => waiting), [0, 0, 0, 0]);
});

test("nobody keeps another's message out by taking its id", () => {
  const wire = rig();
  const [ann, bob, cara] = [join(wire, "a"), join(wire, "b"), join(wire, "c")];
  ann.say("mine");
  const [{ id, seq, at }] = ann.entries;
  const [copy] = bob.entries;
  assert.equal(copy.id, id);
  wire.inject("b", "c", { t: "chat", id, seq, at, text: "not hers" });
  wire.inject("b", "a", { t: "chat", id, seq, at, text: "not hers" });
  assert.deepEqual(texts(cara).toSorted(), ["A: mine", "B: not hers"]);
  assert.deepEqual(texts(ann).toSorted(), ["A: mine", "B: not hers"]);
});

test("a newcomer hears what was said before from the one who is longest there, also its own words after a reload", () => {
  const wire = rig();
  const [ann, bob] = [join(wire, "a"), join(wire, "b")];
  ann.say("hello");
  bob.say("hi");
  for (let i = 0; i < 30; i++) bob.say(`${i} ${"x".repeat(1000)}`);
  const cara = join(wire, "c");
  assert.equal(cara.entries.length, 32);
  assert.deepEqual(texts(cara).slice(0, 2), ["A: hello", "B: hi"]);
  assert.ok(cara.entries.every(({ earlier, mine }) => earlier && !mine));
  cara.say("thanks");
  wire.leave("b");
  const again = join(wire, "b");
  assert.equal(again.entries.filter(({ mine }) => mine).length, 31);
  again.say("back");
  assert.equal(texts(ann).at(-1), "B: back");
  assert.equal(texts(again).at(-1), "B: back");
});

test("nobody puts words into the mouth of others, nor floods", () => {
  const wire = rig();
  const ann = join(wire, "a");
  const bob = join(wire, "b");
  const before = ann.entries.length;
  const items = [{ id: "0123456789abcdef", from: "a", name: "A", seq: 1, at: 1, text: "I owe Bob a million" }];
  wire.inject("b", "a", { t: "chat.history", items });
  assert.equal(ann.entries.length, before, "nobody was asked any more");
  for (const bad of [{}, { id: 5 }, { id: "x", seq: 1, at: 1, text: "y" }, { id: "0123456789abcdef", seq: "1", at: 1, text: "y" }, { id: "0123456789abcdef", seq: 1, at: 1, text: {} },
    { id: "0123456789abcdef", seq: 1, at: 1e300, text: "at a time that no calendar has" }]) {
    wire.inject("b", "a", { t: "chat", ...bad });
  }
  wire.inject("x", "a", { t: "chat", id: "0123456789abcdef", seq: 1, at: 1, text: "not a member" });
  assert.equal(ann.entries.length, before);
  wire.inject("b", "a", { t: "chat", id: "0123456789abcdef", from: "a", name: "Ann", seq: 1, at: 1, text: "y" });
  assert.equal(texts(ann).at(-1), "B: y");
  bob.close();
});

test("what was said before is told once over each connection", () => {
  const wire = rig();
  const ann = join(wire, "a");
  join(wire, "b");
  ann.say("hello");
  const told = () => wire.said.filter(({ t, from, to }) => t === "chat.history" && from === "a" && to === "b").length;
  const before = told();
  for (let i = 0; i < 50; i++) wire.inject("b", "a", { t: "chat.ask" });
  assert.equal(told() - before, 0);
  wire.cut("a", "b");
  wire.mend("a", "b");
  wire.inject("b", "a", { t: "chat.ask" });
  wire.inject("b", "a", { t: "chat.ask" });
  assert.equal(told() - before, 1);
});

test("who begins to listen late, and asks, is told what it has not confirmed", () => {
  const wire = rig();
  const ann = join(wire, "a");
  const call = wire.join("b");
  wire.open("b");
  ann.say("too early");
  const bob = new Chat({ call, self: { peer: "b", name: "B" } });
  wire.inject("b", "a", { t: "chat.ask" });
  assert.deepEqual([texts(bob), ann.entries[0].waiting], [["A: too early"], 0]);
});

test("who leaves is not waited for", () => {
  const wire = rig();
  const [ann] = [join(wire, "a"), join(wire, "b")];
  wire.cut("a", "b");
  ann.say("lost");
  assert.equal(ann.entries[0].waiting, 1);
  wire.leave("b");
  assert.equal(ann.entries[0].waiting, 0);
});

test("the log is bounded and in order of each sender", () => {
  const log = new Log();
  const entry = (id, from, seq, earlier = false) => ({ id, from, name: from, text: id, seq, at: seq, mine: false, earlier, waiting: 0 });
  for (const e of [entry("a2", "a", 2), entry("b1", "b", 1), entry("a1", "a", 1), entry("old", "c", 0, true)]) assert.equal(log.add(e), true);
  assert.equal(log.add(entry("a1", "a", 1)), false);
  assert.deepEqual(log.entries.map(({ id }) => id), ["old", "a1", "a2", "b1"]);
  for (let i = 0; i < MAX_ENTRIES; i++) log.add(entry(`n${i}`, "n", i));
  assert.equal(log.entries.length, MAX_ENTRIES);
  assert.ok(!log.entries.some(({ id }) => id === "old"));
});

test("only what is safe becomes a link", () => {
  const links = (text) => parts(text).filter(({ href }) => href).map(({ href }) => href);
  assert.deepEqual(parts("see https://h.example/a?b=c, please"), [{ text: "see " }, { text: "https://h.example/a?b=c", href: "https://h.example/a?b=c" }, { text: ", please" }]);
  assert.deepEqual(links("(http://a.example) and HTTPS://b.example/x."), ["http://a.example/", "https://b.example/x"]);
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://h", "https://bank.example@evil.example/", "https://", "nothing"]) assert.deepEqual(links(bad), [], bad);
  assert.deepEqual(parts("https://раураl.example/")[0].text, "https://xn--l-7sba6dbr.example/");
  assert.equal(parts("a\nhttps://h\nb").map(({ text }) => text).join(""), "a\nhttps://h\nb");
});

test("what plays tricks on the reader is taken out", () => {
  assert.equal(cleanText(" a\u202Eb\u0000c\nd\u2066 "), "a b c\nd");
  assert.equal(cleanText(5), "");
  assert.equal(cleanText("x".repeat(9000)).length, 4000);
});
