/**
 * Keeps the keyboard near where a person was. A button that is gone, with its
 * row or while the dialog that it opened was still open, would leave the focus
 * to the whole page: a screen reader starts over at its top.
 */

/** Long enough for a new page to give its heading the focus, which is the better place. */
const SETTLE_MS = 150;
const FOCUSABLE = ":is(a[href], button, input, select, textarea, summary, [tabindex]):not(:disabled)";

/** @param {Element} el */
const shown = (el) => el.isConnected && el.checkVisibility?.({ visibilityProperty: true }) !== false;

/** @param {Element} el @returns {HTMLElement | undefined} itself, or what in it can take the focus: its heading before all else */
function target(el) {
  const all = el.matches(FOCUSABLE) ? [el] : [...el.querySelectorAll("h1[tabindex]"), ...el.querySelectorAll(FOCUSABLE)];
  return /** @type {HTMLElement | undefined} */ (all.find(shown));
}

/** @param {Element} el @returns {Element[]} itself and all that it is in, the innermost first */
function wayUp(el) {
  const way = [el];
  for (let at = el.parentElement; at && at !== document.body; at = at.parentElement) way.push(at);
  return way;
}

/** Begins, for as long as the page lives. */
export function keepFocus() {
  /** Where the focus was last, in the page and, while one is open, in the dialog above it. */
  let last = { page: /** @type {Element[]} */ ([]), dialog: /** @type {Element[]} */ ([]) };
  /** @type {any} */
  let timer = null;
  const look = () => {
    timer = null;
    if (document.activeElement !== document.body) return;
    const modal = [...document.querySelectorAll("dialog[open]")].at(-1);
    if (modal && !last.dialog.includes(modal)) return;
    const way = modal ? last.dialog : last.page;
    const [here] = way;
    const closed = !modal && last.dialog.length > 0;
    // What is still there was left on purpose, by a click beside it.
    if (!here || (!closed && shown(here) && !here.matches(":disabled"))) return;
    way.filter(shown).map(target).find(Boolean)?.focus();
  };
  const soon = () => (timer ??= setTimeout(look, SETTLE_MS));
  addEventListener("focusin", ({ target: el }) => {
    if (!(el instanceof Element)) return;
    const way = wayUp(el);
    last = el.closest("dialog") ? { ...last, dialog: way } : { page: way, dialog: [] };
  });
  addEventListener("focusout", ({ relatedTarget }) => void (relatedTarget === null && soon()));
  new MutationObserver(() => document.activeElement === document.body && soon()).observe(document.body, { childList: true, subtree: true });
}
