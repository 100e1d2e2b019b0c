import { t } from "../i18n.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";

/** Whether a camera looks at its person, who expects a mirror then. @param {MediaStreamTrack} track */
export const isFront = (track) => track.getSettings?.().facingMode !== "environment";

/** To the camera on the other side, where there is one: phones and tablets. @param {import("./root.js").PageProps & {kind: string}} props */
export function Flip({ app, state, kind }) {
  const { track } = state.devices.cam;
  if (!track?.getSettings?.().facingMode || state.lists.video.length < 2) return null;
  return html`<button type="button" class=${kind} aria-label=${t("device.flip")} title=${t("device.flip")} onClick=${() => app.o.media.flip()}><${Icon} name="flip" /></button>`;
}
