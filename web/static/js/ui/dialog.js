import { t } from "../i18n.js";
import { html, useEffect, useRef } from "./html.js";
import { Icon } from "./icon.js";

/**
 * A modal dialog. The browser keeps the focus inside and gives it back to the
 * opener; Escape closes.
 * @param {{title: string, onClose: () => void, children?: unknown, wide?: boolean}} props
 */
export function Dialog({ title, onClose, children, wide = false }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = ref.current;
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog?.showModal();
    return () => {
      if (!dialog?.open) return; // closed by Escape: the focus is back already, and may have moved on
      dialog.close();
      opener?.focus?.();
    };
  }, []);
  /** @param {MouseEvent} event */
  const outside = (event) => {
    if (event.target === ref.current) onClose();
  };
  return html`
    <dialog ref=${ref} class=${wide ? "dialog dialog-wide" : "dialog"} aria-labelledby="dialog-title" onClose=${onClose} onClick=${outside}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id="dialog-title">${title}</h2>
          <button type="button" class="button button-quiet button-icon" aria-label=${t("common.close")} onClick=${onClose}><${Icon} name="x" /></button>
        </header>
        ${children}
      </div>
    </dialog>`;
}
