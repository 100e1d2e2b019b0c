/**
 * Languages: flat keys, `{name}` for values and
 * `{n, plural, one {…} other {…}}` for numbers.
 *
 * @typedef {Record<string, string>} Messages
 * @typedef {Record<string, string | number>} Values
 */

/** Every language there is a file for; the first is the one that others fall back to. */
export const LANGUAGES = ["en", "de", "ar"];

/** What each calls itself: people look for their own word. @type {Record<string, string>} */
export const OWN_NAMES = { en: "English", de: "Deutsch", ar: "العربية" };

/** English made strange and long, to see what a page does with it; for browsers that ask for it. */
export const PSEUDO = "en-XA";

/** Written from right to left. */
const RTL = new Set(["ar", "fa", "he", "ur"]);

const current = { lang: "en", messages: /** @type {Messages} */ ({}), fallback: /** @type {Messages} */ ({}) };

/**
 * The best language of a browser's list.
 * @param {readonly string[]} wanted
 */
export function choose(wanted) {
  if (wanted[0]?.toLowerCase() === PSEUDO.toLowerCase()) return PSEUDO;
  const bases = wanted.map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return bases.find((base) => LANGUAGES.includes(base)) ?? "en";
}

/**
 * Loads a language and makes it the current one.
 * @param {string} lang @param {(lang: string) => Promise<Messages>} load
 */
export async function setLanguage(lang, load) {
  const [fallback, messages] = await Promise.all([load("en"), LANGUAGES.includes(lang) && lang !== "en" ? load(lang) : null]);
  const made = lang === PSEUDO ? (await import("./pseudo.js")).pseudoMessages(fallback) : fallback;
  Object.assign(current, { lang, messages: messages ?? made, fallback });
}

/** @returns {string} */
export const language = () => current.lang;

/** @returns {"rtl" | "ltr"} */
export const direction = () => (RTL.has(current.lang) ? "rtl" : "ltr");

/**
 * The text of a key in the current language.
 * @param {string} key @param {Values} [values]
 */
export function t(key, values = {}) {
  const text = current.messages[key] ?? current.fallback[key];
  return text === undefined ? key : format(text, values, current.lang);
}

/**
 * @param {string} text @param {Values} values @param {string} lang
 * @returns {string}
 */
export function format(text, values, lang) {
  let out = "";
  for (let at = 0; at < text.length; ) {
    if (text[at] !== "{") {
      const next = text.indexOf("{", at);
      const end = next < 0 ? text.length : next;
      out += text.slice(at, end);
      at = end;
      continue;
    }
    const end = closing(text, at);
    out += placeholder(text.slice(at + 1, end), values, lang);
    at = end + 1;
  }
  return out;
}

/** @param {string} text @param {number} open @returns {number} where the brace at `open` is closed */
export function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}

/** @param {string} inner @param {Values} values @param {string} lang */
function placeholder(inner, values, lang) {
  const [name = "", kind, ...rest] = inner.split(",");
  const value = values[name.trim()];
  if (kind?.trim() !== "plural") return shown(value, lang);
  const forms = plurals(rest.join(","));
  const form = forms[new Intl.PluralRules(lang).select(Number(value))] ?? forms["other"] ?? "";
  return format(form.replaceAll("#", shown(value, lang)), values, lang);
}

/** Letters that are written from right to left. */
const RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** @param {string | number | undefined} value @param {string} lang */
function shown(value, lang) {
  if (typeof value === "number") return value.toLocaleString(lang);
  const text = String(value ?? "");
  // A name that runs the other way must not turn the words around it: first strong isolate, as <bdi> does.
  return text && (RTL.has(lang) || RIGHT.test(text)) ? `\u2068${text}\u2069` : text;
}

/**
 * Short facts in one line. Each keeps together where the language runs the
 * other way: a number would else change places with the word before it.
 * @param {(string | false)[]} parts  empty ones are left out
 * @returns {string}
 */
export const line = (...parts) => parts.filter(Boolean).map((part) => (RTL.has(current.lang) ? `\u2068${part}\u2069` : part)).join(" · ");

/** @param {string} text  `one {…} other {…}` @returns {Record<string, string>} */
function plurals(text) {
  /** @type {Record<string, string>} */
  const forms = {};
  for (let at = text.indexOf("{"), from = 0; at >= 0; at = text.indexOf("{", from)) {
    const end = closing(text, at);
    forms[text.slice(from, at).trim()] = text.slice(at + 1, end);
    from = end + 1;
  }
  return forms;
}

/** @param {number} seconds @returns {string} 4:05 or 1:02:03 */
export function clock(seconds) {
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
