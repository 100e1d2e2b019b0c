import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { LANGUAGES, OWN_NAMES, choose, clock, format } from "../static/js/i18n.js";
import { pseudo, pseudoMessages } from "../static/js/pseudo.js";
import { relayDoors } from "../static/js/rtc/diagnose.js";
import { explainDevice, explainRefusal } from "../static/js/rtc/explain.js";
import { explainPath } from "../static/js/rtc/explaincall.js";
import { callName, guestName, hue, initials, nextName, roomName } from "../static/js/names.js";
import { inviteFrom, parse, roomFrom, userPath } from "../static/js/router.js";

const dir = new URL("../static/", import.meta.url);
const load = (lang) => JSON.parse(readFileSync(new URL(`i18n/${lang}.json`, dir), "utf8"));
const en = load("en");

const FORMS = new Set(["zero", "one", "two", "few", "many", "other"]);
const placeholders = (text) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((m) => m[1]).filter((name) => !FORMS.has(name)))].sort();

/** The plural parts of a text: which forms each has. */
const plurals = (text) => [...text.matchAll(/\{\w+, plural,((?: \w+ \{(?:[^{}]|\{\w+\})*\})+)\}/g)].map(([, forms]) => [...forms.matchAll(/(\w+) \{(?:[^{}]|\{\w+\})*\}/g)].map(([, form]) => form));

for (const lang of LANGUAGES) {
  test(`${lang} has every key, with the same placeholders and all its plural forms`, () => {
    const messages = load(lang);
    assert.deepEqual(Object.keys(messages), Object.keys(en));
    const needed = new Intl.PluralRules(lang).resolvedOptions().pluralCategories.toSorted();
    for (const [key, text] of Object.entries(messages)) {
      assert.ok(text.trim(), key);
      assert.deepEqual(placeholders(text), placeholders(en[key]), key);
      assert.equal(plurals(text).length, text.split(", plural,").length - 1, key);
      for (const forms of plurals(text)) assert.deepEqual(forms.toSorted(), needed, key);
    }
    assert.ok(OWN_NAMES[lang]);
  });
}

test("the strange language is longer, and keeps what has a meaning", () => {
  for (const [key, text] of Object.entries(pseudoMessages(en))) {
    assert.deepEqual(placeholders(text), placeholders(en[key]), key);
    assert.deepEqual(plurals(text).flat(), plurals(en[key]).flat(), key);
    assert.ok(text.length > en[key].length, key);
  }
  assert.equal(pseudo("Sign in"), "[Šîgñ îñ···]");
  assert.match(format(pseudo("{n, plural, one {# dog} other {# dogs of {who}}}!"), { n: 5, who: "Ann" }, "en-XA"), /^\[5 dögš öf Ann!·{8} ·+\]$/);
});

test("a name that runs the other way stays by itself", () => {
  assert.equal(format("{name} joined", { name: "Ann" }, "en"), "Ann joined");
  assert.equal(format("{name} joined", { name: "ليلى" }, "en"), "\u2068ليلى\u2069 joined");
  assert.equal(format("{name}", { name: "Ann" }, "ar"), "\u2068Ann\u2069");
});

test("styles know a start and an end, no left and no right", () => {
  for (const name of readdirSync(new URL("css/", dir))) {
    const css = readFileSync(new URL(`css/${name}`, dir), "utf8");
    assert.doesNotMatch(css, /[\s;{](?:left|right|(?:margin|padding|border|inset)-(?:left|right)[\w-]*|float)\s*:|text-align:\s*(?:left|right)/, name);
    for (const [rule, , values] of css.matchAll(/[\s;{](margin|padding|inset):\s*([^;}]+)[;}]/g)) {
      const sides = values.trim().replace(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, "()").split(/\s+/);
      if (sides.length === 4) assert.equal(sides[1], sides[3], `${name}: ${rule.trim()}`);
    }
  }
});

/** Every module's source, by name. */
const sources = readdirSync(new URL("js/", dir), { recursive: true })
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, readFileSync(new URL(`js/${name}`, dir), "utf8")]);

test("every key that a view names is in the language files", () => {
  for (const [name, source] of sources) {
    for (const [, key] of source.matchAll(/\bt\("([^"]+)"/g)) assert.ok(key in en, `${name}: ${key}`);
    for (const [, key] of source.matchAll(/key: "([a-z][\w.]+)"/g)) assert.ok(key in en, `${name}: ${key}`);
  }
});

test("views have no words of their own", () => {
  for (const [name, source] of sources) {
    if (!/^(ui|pages)\//.test(name)) continue;
    const code = source.replace(/\/\*\*[^]*?\*\//g, "").replaceAll("=>", "");
    for (const [, text] of code.matchAll(/>([^<>${}`=]*[A-Za-z]{2,}[^<>${}`=;()]*)<[/a-z$]/g)) assert.fail(`${name}: ${text.trim()}`);
    for (const [, attribute] of source.matchAll(/\b(?:aria-label|title|placeholder|alt)="([^"$]+)"/g)) assert.fail(`${name}: ${attribute}`);
  }
});

test("values and plural forms are put in", () => {
  assert.equal(format("a {x} b {y}", { x: "1", y: 2 }, "en"), "a 1 b 2");
  const text = "{n, plural, one {# dog} other {# dogs of {who}}}!";
  assert.equal(format(text, { n: 1, who: "Ann" }, "en"), "1 dog!");
  assert.equal(format(text, { n: 5, who: "Ann" }, "en"), "5 dogs of Ann!");
  assert.equal(format("{n}", { n: 1234.5 }, "de"), "1.234,5");
  assert.equal(format("{gone}", {}, "en"), "");
});

test("the browser's list decides the language, English is the last resort", () => {
  assert.equal(choose(["fr-CH", "de-AT", "en"]), "de");
  assert.equal(choose(["xx"]), "en");
  assert.equal(choose(["ar-EG", "en"]), "ar");
  assert.equal(choose(["en-XA"]), "en-XA");
  assert.equal(choose([]), "en");
});

test("times read like a clock", () => {
  assert.deepEqual([5, 65, 3725].map(clock), ["0:05", "1:05", "1:02:05"]);
});

const ENV = { ua: "Mozilla/5.0 (X11; Linux) Chrome/156 Safari/537", origin: "http://h" };
const error = (name, message = "") => Object.assign(new Error(message), { name });

test("every device error has a title and steps that exist, for both devices", () => {
  const uas = { chrome: ENV.ua, firefox: "Gecko Firefox/130", ios: "iPhone OS 17 Safari/600", android: "Android 14 Chrome/156", safari: "Macintosh; Intel Mac OS X Version/17 Safari/600", windows: "Windows NT Chrome/156" };
  const errors = ["NotAllowedError", "NotFoundError", "NotReadableError", "TrackStartError", "OverconstrainedError", "AbortError", "SecurityError", "InvalidStateError", "TypeError", "InsecureContext", "Ended", "WhoKnows"].map((name) => error(name));
  errors.push(error("NotAllowedError", "Permission dismissed"), error("NotAllowedError", "Permission denied by system"), null);
  for (const ua of Object.values(uas)) {
    for (const e of errors) {
      for (const device of ["mic", "cam"]) {
        const { title, steps } = explainDevice(e, device, { ua, origin: "http://h" });
        for (const key of [title, ...steps]) assert.ok(key in en, key);
        assert.ok(steps.length);
      }
    }
  }
});

test("errors of devices are told apart", () => {
  const title = (e) => explainDevice(e, "cam", ENV).title;
  assert.equal(title(error("NotAllowedError", "Permission denied")), "device.blocked.cam");
  assert.equal(title(error("NotAllowedError", "Permission dismissed")), "device.dismissed.cam");
  assert.equal(title(error("NotAllowedError", "Permission denied by system")), "device.system.cam");
  assert.equal(title(error("DevicesNotFoundError")), "device.missing.cam");
  assert.equal(title(error("NotReadableError")), "device.taken.cam");
  assert.equal(explainDevice(error("InsecureContext"), "mic", ENV).values.url, "https://h");
});

test("a path that fails is explained by what is known", () => {
  const title = (facts) => explainPath({ relayOnly: false, relays: true, iceErrors: [], ...facts }).title;
  assert.equal(title({ relayOnly: true, relays: false }), "path.norelay");
  assert.equal(title({ iceErrors: [701, 401] }), "path.credentials");
  assert.equal(title({ iceErrors: [400] }), "path.credentials");
  assert.equal(title({ iceErrors: [486] }), "path.busy");
  assert.equal(title({ iceErrors: [701] }), "path.blocked");
  assert.equal(title({ relays: false }), "path.direct");
  assert.equal(title({}), "path.unknown");
  assert.equal(title({ step: "checking", relay: true }), "path.silent");
  const closed = explainPath({ relayOnly: false, relays: true, iceErrors: [701], step: "checking", doors: ["UDP 3478", "TCP 443"] });
  assert.deepEqual([closed.title, closed.values.doors], ["path.closed", "UDP 3478, TCP 443"]);
  for (const facts of [{}, { step: "checking" }, { step: "checking", relay: true }, { relays: false }, { iceErrors: [701] }, { iceErrors: [486] }, { iceErrors: [400] }]) {
    const { steps } = explainPath({ relayOnly: false, relays: true, iceErrors: [], ...facts });
    for (const key of steps) assert.ok(key in en, key);
  }
});

test("the doors of the relay are named as firewalls name them", () => {
  const servers = [{ urls: ["stun:h:3478"] }, { urls: ["turn:h:3478?transport=udp", "turn:[::1]:3478?transport=tcp", "turns:h:443?transport=tcp", "turns:h", "turn:h"] }];
  assert.deepEqual(relayDoors(servers), ["UDP 3478", "TCP 3478", "TCP 443", "TCP 5349"]);
});

test("every refusal of the protocol has words", () => {
  const codes = ["unauthorized", "forbidden", "version", "bad_name", "name_taken", "wrong_credentials", "rate_limited", "room_full", "room_locked", "bad_password", "not_found", "denied", "server_full", "draining", "internal", "unreachable", "bad_origin", "lost", "closed", "logged_out", "brand_new"];
  for (const code of codes) assert.ok(explainRefusal({ code, message: "m", retryMs: 1500 }).key in en, code);
  assert.deepEqual(explainRefusal({ code: "rate_limited", retryMs: 1500 }).values.seconds, 2);
  assert.equal(explainRefusal({ code: "brand_new", message: "Words of the server." }).key, "error.other");
});

test("a taken name is followed by the next number and stays within 32 characters", () => {
  assert.deepEqual(["Ann", "Ann 2", "Ann 9", "x".repeat(32)].map(nextName), ["Ann 2", "Ann 3", "Ann 10", `${"x".repeat(30)} 2`]);
});

test("initials and colours come from the name", () => {
  assert.deepEqual(["Ann", "ann b. Marlow", "日本", "(x) Bob"].map(initials), ["A", "AM", "日", "B"]);
  assert.ok(initials("  "));
  assert.equal(hue("Ann"), hue("Ann"));
  assert.ok(hue("Zoë") >= 0 && hue("Zoë") < 8);
});

test("a call is called by its title, its room, or whom one talks to", () => {
  const call = { title: "", kind: "call", room: "r_1", label: "Bob", members: [] };
  assert.equal(callName(call), "Bob");
  assert.equal(callName({ ...call, members: [{ name: "Bob" }, { name: "Cara" }] }), "Bob, Cara");
  assert.equal(callName({ ...call, kind: "link", room: "kitchen" }), "kitchen");
  assert.equal(callName({ ...call, kind: "link", title: "Monday" }), "Monday");
});

test("made-up names are ones that the server takes", () => {
  for (let i = 0; i < 200; i++) {
    assert.equal(roomFrom(roomName()) !== null, true);
    assert.ok(guestName().length <= 32);
  }
});

test("addresses", () => {
  assert.deepEqual(parse("/"), { page: "home" });
  assert.deepEqual(parse("/r/stand-up.1"), { page: "room", room: "stand-up.1" });
  assert.deepEqual(parse("/r/a/b"), { page: "nowhere" });
  assert.deepEqual(parse(`/r/${"x".repeat(65)}`), { page: "nowhere" });
  assert.deepEqual(parse("/about"), { page: "about" });
  assert.deepEqual(parse(userPath("Zoë / Ann B.")), { page: "user", name: "Zoë / Ann B." });
  for (const bad of ["/u/", "/u/%FF", "/u/%20", `/u/${"x".repeat(65)}`, "/u/a/b"]) assert.deepEqual(parse(bad), { page: "nowhere" }, bad);
});

test("what a person pastes becomes a room, or nothing", () => {
  assert.equal(roomFrom(" https://h.example/r/calm-otter-1?x#t=y "), "calm-otter-1");
  assert.equal(roomFrom("my meeting"), "my-meeting");
  assert.equal(roomFrom("https://h/r/r_abc"), "r_abc");
  for (const bad of ["", "r_abc", ".hidden", "über", "a/b", "x".repeat(65)]) assert.equal(roomFrom(bad), null, bad);
});

test("an invite token is read from the fragment alone", () => {
  assert.equal(inviteFrom("#t=abc.def"), "abc.def");
  assert.equal(inviteFrom(""), null);
  assert.equal(inviteFrom("#other"), null);
});
