import { t } from "../i18n.js";
import { DevicePanel, DeviceProblem, RelayToggle } from "../ui/devicepanel.js";
import { html } from "../ui/html.js";
import { Preview } from "../ui/preview.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** The last stop before anything leaves this machine. @param {PageProps} props */
export function Lobby({ app, state }) {
  const { call, devices } = state;
  const joining = call?.phase === "joining";
  const ready = devices.mic.track || devices.cam.track;
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page lobby">
      <header class="lobby-head">
        <p class="eyebrow">${t("lobby.eyebrow")}</p>
        <h1 tabindex="-1" class="room-name"><bdi>${call?.room}</bdi></h1>
      </header>
      <div class="lobby-grid">
        <div class="lobby-left">
          <${Preview} app=${app} state=${state} />
          <${DeviceProblem} app=${app} state=${state} device="cam" />
          <${DeviceProblem} app=${app} state=${state} device="mic" />
        </div>
        <section class="card lobby-card" aria-label=${t("lobby.settings")}>
          <${DevicePanel} app=${app} state=${state} />
          <${RelayToggle} app=${app} state=${state} />
          <div class="lobby-join">
            <button type="button" class="button button-primary button-wide button-big" disabled=${joining} onClick=${() => app.calls.join()}>
              ${t(joining ? "lobby.joining" : ready ? "lobby.join" : "lobby.join.without")}</button>
          </div>
          <p class="muted small center">${t("lobby.note")}</p>
        </section>
      </div>
      <${Footer} app=${app} />
    </main>`;
}
