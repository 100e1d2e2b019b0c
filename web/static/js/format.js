import { language } from "./i18n.js";

/** Figures and times as the reader's language writes them. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** @param {number} bytes @returns {string} "1.4 MB": steps of 1000, as systems show sizes */
export function size(bytes) {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** step;
  const digits = step && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(language(), { style: "unit", unit: UNITS[step], maximumFractionDigits: digits }).format(value);
}

/** @param {number} n @returns {string} a whole number, with the marks that large ones have */
export const number = (n) => n.toLocaleString(language());

/** @param {number} mbit @returns {string} a whole number, or tenths where those matter */
export const rate = (mbit) => mbit.toLocaleString(language(), { maximumFractionDigits: mbit < 10 ? 1 : 0 });

/** @param {string[]} names @returns {string} "Ann, Bob, and Cara", each in its own direction */
export const list = (names) => new Intl.ListFormat(language()).format(names.map((name) => `\u2068${name}\u2069`));

/** @param {string | number} time  RFC 3339, or milliseconds since 1970 @returns {string} the hour, and the day unless it is today */
export function when(time) {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language(), { hour: "numeric", minute: "2-digit", ...(!today && { day: "numeric", month: "short" }) }).format(date);
}

/** @param {number} seconds @returns {string} its two largest parts: "3 days, 4 hours" */
export function span(seconds) {
  const parts = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
  /** @type {string[]} */
  const out = [];
  let rest = seconds;
  for (const [unit, length] of /** @type {[string, number][]} */ (parts)) {
    const n = Math.floor(rest / length);
    rest -= n * length;
    if (!n || out.length === 2) continue;
    out.push(new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long" }).format(n));
  }
  return out.join(" ") || new Intl.NumberFormat(language(), { style: "unit", unit: "second", unitDisplay: "long" }).format(0);
}
