import { DevicePanel, DeviceProblem, RelayToggle } from "./devicepanel.js";
import { html } from "./html.js";
import { Preview } from "./preview.js";
import { Footer, TopBar } from "./topbar.js";

/**
 * The page of who is about to be seen and heard: the own picture on one side, everything to choose on the other.
 * @param {import("./root.js").PageProps & {eyebrow: string, title: unknown, label: string, head?: unknown, below?: unknown, children?: unknown}} props
 *   label: of the card; head, children: what stands in it above and below the devices; below: stands below the picture
 */
export const Ready = ({ app, state, eyebrow, title, label, head, below, children }) => html`
  <${TopBar} app=${app} state=${state} />
  <main id="main" class="page lobby">
    <header class="lobby-head">
      <p class="eyebrow">${eyebrow}</p>
      <h1 tabindex="-1" class="room-name"><bdi>${title}</bdi></h1>
    </header>
    <div class="lobby-grid">
      <div class="lobby-left">
        <${Preview} app=${app} state=${state} />
        <${DeviceProblem} app=${app} state=${state} device="cam" />
        <${DeviceProblem} app=${app} state=${state} device="mic" />
        ${below}
      </div>
      <section class="card lobby-card" aria-label=${label}>
        ${head}
        <${DevicePanel} app=${app} state=${state} />
        <${RelayToggle} app=${app} state=${state} />
        ${children}
      </section>
    </div>
    <${Footer} app=${app} />
  </main>`;
