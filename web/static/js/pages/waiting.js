import { clock, t } from "../i18n.js";
import { DevicePanel, DeviceProblem, RelayToggle } from "../ui/devicepanel.js";
import { html, useClock } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Preview } from "../ui/preview.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** One's own open call, until somebody answers it. @param {PageProps} props */
export function Waiting({ app, state }) {
  const { posted } = state;
  const title = posted?.title || t("waiting.untitled");
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page lobby">
      <header class="lobby-head">
        <p class="eyebrow">${t("waiting.eyebrow")}</p>
        <h1 tabindex="-1" class="room-name"><bdi>${title}</bdi></h1>
      </header>
      <div class="lobby-grid">
        <div class="lobby-left">
          <${Preview} app=${app} state=${state} />
          <${DeviceProblem} app=${app} state=${state} device="cam" />
          <${DeviceProblem} app=${app} state=${state} device="mic" />
        </div>
        <section class="card lobby-card" aria-label=${t("waiting.card")}>
          <div class="waiting-head">
            <p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("waiting.text")}</p>
            <p class="muted small">${t(posted?.audience === "signed_in" ? "waiting.for.members" : "waiting.for.all")}</p>
          </div>
          <${Left} expires=${posted?.expires ?? 0} />
          <div class="waiting-actions">
            <button type="button" class="button" onClick=${() => app.board.extend()}><${Icon} name="clock" /><span>${t("waiting.extend")}</span></button>
            <button type="button" class="button" onClick=${() => app.board.withdraw()}><${Icon} name="x" /><span>${t("waiting.cancel")}</span></button>
          </div>
          <${DevicePanel} app=${app} state=${state} />
          <${RelayToggle} app=${app} state=${state} />
          <p class="muted small center">${t("waiting.note")}</p>
        </section>
      </div>
      <${Footer} app=${app} />
    </main>`;
}

/** @param {{expires: number}} props */
function Left({ expires }) {
  const now = useClock();
  const seconds = Math.max(0, Math.round((expires - now) / 1000));
  return html`<p class="waiting-left"><span class="muted">${t("waiting.left")}</span> <strong>${expires ? clock(seconds) : "…"}</strong></p>`;
}
