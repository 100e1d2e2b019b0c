import { t } from "../i18n.js";
import { html } from "../ui/html.js";
import { Lazy } from "../ui/lazy.js";
import { Ready } from "../ui/ready.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** They may come a moment later than the page. */
const loadReach = () => import("../ui/reach.js").then(({ Reach }) => Reach);
const loadOccupants = () => import("../ui/occupants.js").then(({ Occupants }) => Occupants);

/** The last stop before anything leaves this machine. @param {PageProps} props */
export function Lobby({ app, state }) {
  const { call, devices } = state;
  const joining = call?.phase === "joining";
  const ready = devices.mic.track || devices.cam.track;
  return html`
    <${Ready} app=${app} state=${state} eyebrow=${t("lobby.eyebrow")} title=${call?.room} label=${t("lobby.settings")}
      head=${html`<${Lazy} load=${loadOccupants} props=${{ app, state }} fallback=${html`<p class="occupants"></p>`} />`}
      below=${html`<${Lazy} load=${loadReach} props=${{ app, state }} fallback=${html`<p class="reach"></p>`} />`}>
      <div class="check">
        <input type="checkbox" id="low-data" checked=${state.prefs.dataUse !== "auto"} onChange=${(/** @type {any} */ e) => app.setPrefs({ dataUse: e.target.checked ? "low" : "auto" })} />
        <label for="low-data">${t("settings.data.low")}</label>
      </div>
      <div class="lobby-join">
        <button type="button" class="button button-primary button-wide button-big" disabled=${joining} onClick=${() => app.calls.join()}>
          ${t(joining ? "lobby.joining" : ready ? "lobby.join" : "lobby.join.without")}</button>
      </div>
      <p class="muted small center">${t("lobby.note")}</p>
    <//>`;
}
