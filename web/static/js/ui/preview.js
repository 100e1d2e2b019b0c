import { t } from "../i18n.js";
import { Avatar } from "./avatar.js";
import { Flip, isFront } from "./flip.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { Video } from "./media.js";
import { DeviceToggle } from "./toggle.js";

/** One's own picture before anybody else sees it, with the two switches. @param {import("./root.js").PageProps} props */
export function Preview({ app, state }) {
  const { mic, cam } = state.devices;
  const open = mic.track || cam.track || mic.on || cam.on;
  return html`
    <div class="preview">
      ${cam.track
        ? html`<${Video} track=${cam.track} mirrored=${isFront(cam.track)} label=${t("lobby.preview")} />`
        : html`<div class="preview-empty"><${Avatar} name=${state.you?.name ?? ""} size="large" />
            <p>${t(mic.busy || cam.busy ? "lobby.asking" : open ? "lobby.camoff" : "lobby.explain")}</p>
            ${!open && html`<button type="button" class="button button-primary" onClick=${() => app.openDevices()}>
              <${Icon} name="video" /><span>${t("lobby.open")}</span></button>`}
          </div>`}
      ${open && html`<div class="preview-controls">
        <${DeviceToggle} app=${app} state=${state} device="mic" round=${true} />
        <${DeviceToggle} app=${app} state=${state} device="cam" round=${true} />
        <${Flip} app=${app} state=${state} kind="toggle toggle-round" />
      </div>`}
    </div>`;
}
