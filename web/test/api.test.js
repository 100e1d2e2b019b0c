import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { getConfig, login, logout } from "../static/js/net/api.js";

const SERVER = "https://call.example.org";
const { fetch } = globalThis;

/** @type {{url: string, init: RequestInit}[]} */
let asked;
/** @type {(url: string) => Response} */
let answer;

beforeEach(() => {
  asked = [];
  answer = () => Response.json({ name: "Parley" });
  globalThis.location = { origin: "https://shop.example" };
  globalThis.fetch = async (url, init) => {
    asked.push({ url, init });
    return answer(url);
  };
});
afterEach(() => {
  globalThis.fetch = fetch;
  delete globalThis.location;
});

const unreadable = () => {
  throw new TypeError("Failed to fetch");
};

test("the page's own server is asked with the cookie", async () => {
  await login({ name: "Ann" });
  assert.deepEqual(asked.map(({ url, init }) => [url, init.credentials, init.headers]), [["/login", "same-origin", { "Content-Type": "application/json" }]]);
});

test("any other with the token, and never with a cookie", async () => {
  await getConfig({ server: SERVER });
  await logout({ server: SERVER, token: "t0k" });
  assert.deepEqual(asked.map(({ url, init }) => [url, init.credentials, init.headers.Authorization]),
    [[`${SERVER}/config`, "omit", undefined], [`${SERVER}/logout`, "omit", "Bearer t0k"]]);
});

test("a refusal keeps its code, its sentence and its wait", async () => {
  answer = () => Response.json({ error: { code: "rate_limited", message: "Slow down.", retry_ms: 2000 } }, { status: 429 });
  await assert.rejects(login({ name: "Ann" }), { code: "rate_limited", message: "Slow down.", retryMs: 2000 });
  answer = () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  await assert.rejects(login({ name: "Ann" }), { code: "internal" });
});

test("no answer: a server that is away is told apart from one that does not let this site in", async () => {
  answer = unreadable;
  await assert.rejects(login({ name: "Ann" }), { code: "unreachable" });
  await assert.rejects(login({ name: "Ann" }, { server: SERVER }), { code: "unreachable", message: /call\.example\.org does not answer/ });
  answer = (url) => (url.endsWith("/sdk/parley.js") ? new Response("") : unreadable());
  await assert.rejects(login({ name: "Ann" }, { server: SERVER }), { code: "bad_origin", message: /"https:\/\/shop\.example" to http\.allowed_origins/ });
  globalThis.location.origin = SERVER;
  await assert.rejects(login({ name: "Ann" }, { server: SERVER }), { code: "unreachable" });
});
