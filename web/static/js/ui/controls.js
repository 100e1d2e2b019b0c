import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";
import { DeviceToggle } from "./toggle.js";

/** How far each arrow key moves. @type {Record<string, number>} */
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

/**
 * The bar under a call: one tab stop, arrow keys inside (ARIA toolbar).
 * @param {import("./root.js").PageProps & {onInvite: () => void, onSettings: () => void}} props
 */
export function Controls({ app, state, onInvite, onSettings }) {
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const [at, setAt] = useState(0);
  useShortcuts(app, state);
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const buttons = [...(bar.current?.querySelectorAll("button") ?? [])];
    const from = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    let to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : -1;
    const step = (ARROWS[event.key] ?? 0) * (document.dir === "rtl" ? -1 : 1);
    if (step) to = (from + step + buttons.length) % buttons.length;
    if (to < 0) return;
    event.preventDefault();
    setAt(to);
    buttons[to]?.focus();
  };
  const stop = (/** @type {number} */ i) => (i === at ? 0 : -1);
  return html`
    <div class="controls" role="toolbar" aria-label=${t("controls.label")} ref=${bar} onKeyDown=${move}>
      <${DeviceToggle} app=${app} state=${state} device="mic" tabindex=${stop(0)} />
      <${DeviceToggle} app=${app} state=${state} device="cam" tabindex=${stop(1)} />
      <button type="button" class="toggle" tabindex=${stop(2)} aria-haspopup="dialog" onClick=${onInvite}>
        <${Icon} name="users" /><span class="toggle-name">${t("controls.people")}</span></button>
      <button type="button" class="toggle" tabindex=${stop(3)} aria-haspopup="dialog" onClick=${onSettings}>
        <${Icon} name="settings" /><span class="toggle-name">${t("controls.settings")}</span></button>
      <button type="button" class="toggle toggle-leave" tabindex=${stop(4)} onClick=${() => app.calls.leave()}>
        <${Icon} name="phone-off" /><span class="toggle-name">${t("controls.leave")}</span></button>
    </div>`;
}

/** Ctrl or Command with D and E, as elsewhere. @param {import("../app.js").App} app @param {import("../state.js").State} state */
function useShortcuts(app, state) {
  const devices = useRef(state.devices);
  devices.current = state.devices;
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const press = (event) => {
      const device = /** @type {Record<string, "mic" | "cam">} */ ({ d: "mic", e: "cam" })[event.key.toLowerCase()];
      if (!device || event.repeat || event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void app.setDevice(device, !devices.current[device].on);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
