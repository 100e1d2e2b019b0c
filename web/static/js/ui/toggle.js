import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";

/** What each device looks like. @type {Record<"mic" | "cam", {on: string, off: string}>} */
const ICONS = { mic: { on: "mic", off: "mic-off" }, cam: { on: "video", off: "video-off" } };

/**
 * Microphone or camera on and off. The name stays, the pressed state changes.
 * @param {import("./root.js").PageProps & {device: "mic" | "cam", round?: boolean, tabindex?: number}} props
 */
export function DeviceToggle({ app, state, device, round = false, tabindex }) {
  const { on, busy, error } = state.devices[device];
  const live = on && !error;
  return html`
    <button type="button" class=${`toggle ${round ? "toggle-round" : ""} ${live ? "" : "toggle-off"}`} aria-pressed=${live ? "true" : "false"}
      aria-busy=${busy ? "true" : "false"} tabindex=${tabindex} data-tool data-device=${device} title=${t(`device.${device}.keys`)} onClick=${() => app.setDevice(device, !live)}>
      <${Icon} name=${ICONS[device][live ? "on" : "off"]} /><span class="toggle-name">${t(`device.${device}`)}</span>
    </button>`;
}
