import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";

/**
 * @typedef {object} Item
 * @property {string} icon
 * @property {string} text
 * @property {() => void} run
 * @property {boolean} [checked]    makes it a switch
 * @property {string} [why]         why it cannot be chosen; shown under its text
 */

const MOVES = /** @type {Record<string, (at: number, count: number) => number>} */ ({
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at > 0 ? at : count) - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
});

/** Keys with which a slider is moved. */
const SLIDES = new Set([...Object.keys(MOVES), "ArrowLeft", "ArrowRight"]);

/**
 * The next place of the focus in an open menu: the items count as one.
 * @param {HTMLElement} box @param {HTMLElement | undefined} item  where one comes in @param {boolean} back
 * @returns {HTMLElement | undefined} none: it leaves the menu
 */
function neighbour(box, item, back) {
  const above = /** @type {HTMLElement[]} */ ([...box.querySelectorAll(".menu :is(button, input):not([role^=menuitem])")]);
  const at = above.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const all = item ? [...above, item] : above;
  return all[(at < 0 ? above.length : at) + (back ? -1 : 1)];
}

/**
 * A button that opens a list of things to do (ARIA menu button): arrow keys
 * inside, Tab to what stands above it and on, Escape and a click elsewhere
 * close it, the focus goes back.
 * @param {{label: string, icon: string, name?: string, kind: string, items: Item[], tabindex?: number, head?: unknown,
 *   place?: string, tool?: boolean}} props   head: stands above the items; place: class that says where the list opens
 */
export function Menu({ label, icon, name, kind, items, tabindex, head, place = "", tool = false }) {
  const [open, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const opener = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const close = (back = true) => {
    setOpen(false);
    if (back) opener.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector("[role^=menuitem]"))?.focus();
    /** @param {PointerEvent} event */
    const outside = (event) => box.current?.contains(/** @type {Node} */ (event.target)) || close(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (!open || !box.current) return;
    const active = /** @type {HTMLElement} */ (document.activeElement);
    if (active.matches("input[type=range]") && SLIDES.has(event.key)) return event.stopPropagation();
    const all = /** @type {HTMLElement[]} */ ([...box.current.querySelectorAll("[role^=menuitem]")]);
    const move = MOVES[event.key];
    const next = event.key === "Tab" ? neighbour(box.current, all[0], event.shiftKey) : move && all[move(all.indexOf(active), all.length)];
    if (event.key === "Tab" && !next) return close(false);
    if (event.key === "Escape") close();
    else if (next) next.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  /** @param {Item} item */
  const choose = (item) => {
    if (item.why) return;
    close();
    item.run();
  };
  return html`
    <div class="menu-box" ref=${box} onKeyDown=${key}>
      <button type="button" ref=${opener} class=${kind} aria-haspopup="menu" aria-expanded=${open ? "true" : "false"} aria-label=${name ? undefined : label}
        tabindex=${tabindex} data-tool=${tool ? "" : undefined} onClick=${() => (open ? close() : setOpen(true))}>
        <${Icon} name=${icon} />${name && html`<span class="toggle-name">${name}</span>`}
      </button>
      ${open && html`
        <div class=${`menu ${place}`}>
          ${head}
          <div role="menu" aria-label=${label}>
            ${items.map((item) => html`<${Entry} key=${item.text} item=${item} onChoose=${choose} />`)}
          </div>
        </div>`}
    </div>`;
}

/** @param {{item: Item, onChoose: (item: Item) => void}} props */
const Entry = ({ item, onChoose }) => html`
  <button type="button" class="menu-item" role=${item.checked === undefined ? "menuitem" : "menuitemcheckbox"} tabindex="-1"
    aria-checked=${item.checked === undefined ? undefined : String(item.checked)} aria-disabled=${item.why ? "true" : undefined} onClick=${() => onChoose(item)}>
    <${Icon} name=${item.icon} />
    <span class="menu-text">${item.text}${item.why && html`<span class="menu-why">${item.why}</span>`}</span>
    ${item.checked && html`<${Icon} name="check" />`}
  </button>`;
