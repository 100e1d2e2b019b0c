import { mkdirSync } from "node:fs";
import { AXE, violations } from "./axe.mjs";

/**
 * Every language in both themes, spread over the windows that people have, and
 * what they may have set besides: forced colours, wider text. A page changes
 * its look in place, so that each state of it is set up once.
 */
const [LAPTOP, PHONE, NARROW] = [[1280, 800], [390, 844], [320, 640]];
/** Wider text takes more lines: high enough that what sticks to the edge covers none of it. */
const TALL = [390, 1400];
/** A window of 1280 at 200 % is one of 640. */
const ZOOMED = [640, 400];
const LOOKS = [
  { lang: "en", theme: "light", size: LAPTOP },
  { lang: "en", theme: "dark", size: TALL, spaced: true },
  { lang: "de", theme: "light", size: NARROW },
  { lang: "de", theme: "dark", size: LAPTOP },
  { lang: "ar", theme: "light", size: PHONE },
  { lang: "ar", theme: "dark", size: LAPTOP },
  { lang: "en-XA", theme: "light", size: ZOOMED },
  { lang: "en-XA", theme: "dark", size: NARROW },
  { lang: "ar", theme: "light", size: ZOOMED, forced: true },
];
const USUAL = LOOKS[0];

/** Pictures of all of it, to be looked at; taken only where the environment names a folder for them. */
const PICTURES = process.env.PICTURES;
if (PICTURES) mkdirSync(PICTURES, { recursive: true });

/** Runs in a page before its own code: its browser can be told to want another language. */
function follow() {
  Object.defineProperty(navigator, "languages", { get: () => [window.wantedLanguage ?? "en"] });
}

/** A page whose looks will be changed. @param {import("playwright-core").Page} page */
export async function dress(page) {
  await page.context().addInitScript(follow);
  await page.context().addInitScript(AXE);
  await page.emulateMedia({ reducedMotion: "reduce" });
}

/** What runs over the edge of the window or of its own button, with nothing to scroll it back by. */
function spilt() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const scrolls = (el) => el && (/auto|scroll/.test(getComputedStyle(el).overflowX) || scrolls(el.parentElement));
  const hidden = (el) => el.closest(".visually-hidden, .skip-link, .toggle-name, [inert]") || !el.checkVisibility({ visibilityProperty: true });
  for (const el of document.querySelectorAll("button, a, h1, h2, h3, label, p, dt, dd, td, summary, input, select, textarea")) {
    if (hidden(el)) continue;
    const { left, right, width } = el.getBoundingClientRect();
    if (!width || scrolls(el)) continue;
    const what = `${el.tagName} "${(el.textContent || el.ariaLabel || "").trim().slice(0, 40)}"`;
    if (left < -1 || right > innerWidth + 1) found.push(`${what} from ${Math.round(left)} to ${Math.round(right)}`);
    if (el.matches("button, a, summary, .choice-row label") && el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).display !== "inline") found.push(`${what} holds ${el.scrollWidth} in ${el.clientWidth}`);
  }
  for (const el of document.querySelectorAll("dialog, .devices, .picker, .card, .menu, .chat-log, .files, .home-panel, .person, .person-text")) {
    if (!hidden(el) && el.scrollWidth > el.clientWidth + 1) found.push(`${el.className} holds ${el.scrollWidth} in ${el.clientWidth}`);
  }
  return found;
}

/** Runs in the page: puts it into a language, and opens the section of a narrow start page that is meant. */
async function turn({ lang, spaced, tab }) {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  window.wantedLanguage = lang;
  if (document.documentElement.lang !== lang) {
    const changed = new Promise((done) => new MutationObserver(done).observe(document.documentElement, { attributeFilter: ["lang"] }));
    dispatchEvent(new Event("languagechange"));
    await changed;
  }
  const sheet = new CSSStyleSheet(); // WCAG 1.4.12
  if (spaced) sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } p { margin-block-end: 2em !important; }");
  document.adoptedStyleSheets = [sheet];
  await drawn();
  if (!tab) return;
  document.querySelector(`[role=tab]:has(use[href$="#${tab}"])`)?.click();
  await drawn();
}

/** @param {import("playwright-core").Page} page */
async function wear(page, { lang, theme, size: [width, height], spaced = false, forced = false }, tab = "") {
  await Promise.all([
    page.setViewportSize({ width, height }),
    page.emulateMedia({ colorScheme: theme, forcedColors: forced ? "active" : "none", reducedMotion: "reduce" }),
  ]);
  await page.evaluate(turn, { lang, spaced, tab });
}

/**
 * A state of a page in every look. What axe has against it, and what is beyond
 * its edges, goes to the page's faults. Afterwards it looks as before.
 * @param {Awaited<ReturnType<typeof import("./browser.mjs").person>>} page @param {string} name  of the state
 * @param {string} [tab]  icon of the section of the start page, of which a narrow window shows one
 */
export async function everyLook(page, name, tab) {
  for (const look of LOOKS) {
    await wear(page, look, tab);
    const text = `${look.lang} ${look.theme} ${look.size.join("×")}${look.spaced ? " spaced" : ""}${look.forced ? " forced" : ""}`;
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}-${text.replaceAll(" ", "-")}.png` });
    // What sticks to the lower edge rests in its own place there, and covers half of nothing.
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const [rules, edges] = await Promise.all([violations(page), page.evaluate(spilt)]);
    for (const problem of [...rules, ...edges]) page.faults.push(`${name}, ${text}: ${problem}`);
  }
  await wear(page, USUAL);
}
