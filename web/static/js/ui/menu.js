import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";

/**
 * @typedef {{icon?: string, text: string, onSelect: () => void}} Item
 */

/** Where each key goes from item `at` of `n`. @type {Record<string, (at: number, n: number) => number>} */
const MOVES = {
  ArrowDown: (at, n) => (at + 1) % n,
  ArrowUp: (at, n) => (at - 1 + n) % n,
  Home: () => 0,
  End: (_, n) => n - 1,
};

/**
 * A button with a menu (ARIA menu button): arrow keys inside, Escape closes it
 * and gives the focus back.
 * @param {{label: string, icon: string, items: Item[], text?: string, kind?: string, up?: boolean}} props
 *   text: shown beside the icon; up: the menu opens above
 */
export function Menu({ label, icon, items, text = "", kind = "button-quiet", up = false }) {
  const [open, setOpen] = useState(false);
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!open) return;
    /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector("button"))?.focus();
    /** @param {Event} event */
    const outside = (event) => {
      const { target } = event;
      if (target instanceof Node && !list.current?.contains(target) && !button.current?.contains(target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    if (!open) return;
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const move = MOVES[event.key];
    if (event.key === "Tab") return setOpen(false);
    if (event.key !== "Escape" && !move) return;
    event.preventDefault();
    event.stopPropagation();
    if (move) buttons[move(at, buttons.length)]?.focus();
    else close();
  };
  return html`
    <div class="menu" onKeyDown=${press}>
      <button type="button" ref=${button} class=${`button ${kind} ${text ? "" : "button-icon"}`} aria-label=${text ? undefined : label} title=${text ? undefined : label}
        aria-haspopup="menu" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}><${Icon} name=${icon} />${text && html`<span>${text}</span>`}</button>
      ${open && html`<div class=${up ? "menu-list menu-up" : "menu-list"} role="menu" aria-label=${label} ref=${list}>
        ${items.map((item) => html`<button type="button" role="menuitem" tabindex="-1" key=${item.text} onClick=${() => {
          close();
          item.onSelect();
        }}>${item.icon && html`<${Icon} name=${item.icon} />`}<span>${item.text}</span></button>`)}
      </div>`}
    </div>`;
}
