/**
 * A report for the person who helps: what was found, without addresses unless
 * its owner wants them in.
 *
 * @typedef {import("./checks.js").Row} Row
 */

/** Where a number stands between dots or colons like an IP address does; also the random names that browsers put in place of one. */
const V4 = /\b(?:\d{1,3}\.){3}\d{1,3}\b/g;
const V6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;
const MDNS = /\b[0-9a-f-]{36}\.local\b/gi;

/** @param {string} text */
const withoutAddresses = (text) => text.replace(MDNS, "[address]").replace(V4, "[address]").replace(V6, "[address]");

/** @param {any} value @returns {any} the same with every string of it cleaned */
function clean(value) {
  if (typeof value === "string") return withoutAddresses(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]));
}

/**
 * @param {Row[]} rows @param {{build: string, agent: string, at: string, addresses: boolean}} about
 * @returns {object} ready to be written as JSON
 */
export function makeReport(rows, { build, agent, at, addresses }) {
  const checks = rows.filter(({ verdict }) => verdict).map(({ id, state, verdict, facts }) => ({ id, state, advice: verdict?.key, facts: addresses ? facts : clean(facts) }));
  return { parley: build, at, browser: agent, checks };
}
