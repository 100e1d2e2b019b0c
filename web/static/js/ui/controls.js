import { t } from "../i18n.js";
import { canShare } from "../rtc/share.js";
import { html, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";
import { DeviceToggle } from "./toggle.js";

/** How far each arrow key moves. @type {Record<string, number>} */
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

/**
 * @typedef {object} Tool      one button of the bar
 * @property {string} id       stays while its looks and the language change
 * @property {string} icon
 * @property {string} text
 * @property {() => void} run
 * @property {boolean} [pressed]   makes it a switch
 * @property {boolean} [dialog]    it opens one
 * @property {boolean} [wide]      stands in the bar of a wide page only; the narrow one has it in its menu
 * @property {number} [count]      shown at its corner
 * @property {string} [label]      its name with what the count means
 */

/**
 * The bar under a call: one tab stop, arrow keys inside (ARIA toolbar). The
 * devices come first, the way out last; between them `tools`, then the menu.
 * @param {import("./root.js").PageProps & {tools: Tool[], menu: (tabindex: number) => unknown, onLeave: () => void}} props
 */
export function Controls({ app, state, tools, menu, onLeave }) {
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const [at, setAt] = useState("mic");
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const buttons = /** @type {HTMLElement[]} */ ([...(bar.current?.querySelectorAll("[data-tool]") ?? [])].filter((one) => /** @type {HTMLElement} */ (one).offsetParent));
    const from = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (from < 0) return;
    let to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : -1;
    const step = (ARROWS[event.key] ?? 0) * (document.dir === "rtl" ? -1 : 1);
    if (step) to = (from + step + buttons.length) % buttons.length;
    const next = buttons[to];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  /** The tab stop is where the focus was last. @param {FocusEvent} event */
  const focused = (event) => {
    const slot = /** @type {HTMLElement} */ (event.target).closest("[data-slot]");
    if (slot) setAt(/** @type {HTMLElement} */ (slot).dataset.slot ?? "mic");
  };
  /** @type {Tool} */
  const screen = { id: "share", icon: state.screen.track ? "screen-off" : "screen", text: t("controls.share"), pressed: state.screen.track !== null, run: () => toggleScreen(app) };
  const all = [...(canShare() ? [screen] : []), ...tools];
  const there = ["mic", "cam", "more", "leave", ...all.map(({ id }) => id)].includes(at) ? at : "mic";
  const stop = (/** @type {string} */ slot) => (slot === there ? 0 : -1);
  return html`
    <div class="controls" role="toolbar" aria-label=${t("controls.label")} ref=${bar} onKeyDown=${move} onFocusIn=${focused}>
      <span data-slot="mic"><${DeviceToggle} app=${app} state=${state} device="mic" tabindex=${stop("mic")} /></span>
      <span data-slot="cam"><${DeviceToggle} app=${app} state=${state} device="cam" tabindex=${stop("cam")} /></span>
      ${all.map((tool) => html`<span key=${tool.id} data-slot=${tool.id} class=${tool.wide ? "wide-tool" : ""}><${Button} tool=${tool} tabindex=${stop(tool.id)} /></span>`)}
      <span data-slot="more">${menu(stop("more"))}</span>
      <span data-slot="leave"><button type="button" class="toggle toggle-leave" data-tool tabindex=${stop("leave")} onClick=${onLeave}>
        <${Icon} name="phone-off" /><span class="toggle-name">${t("controls.leave")}</span></button></span>
    </div>`;
}

/** @param {{tool: Tool, tabindex: number}} props */
const Button = ({ tool, tabindex }) => html`
  <button type="button" class=${`toggle ${tool.pressed ? "toggle-live" : ""}`} data-tool tabindex=${tabindex} aria-pressed=${tool.pressed === undefined ? undefined : String(tool.pressed)}
    aria-label=${tool.label} aria-haspopup=${tool.dialog ? "dialog" : undefined} onClick=${tool.run}>
    <${Icon} name=${tool.icon} /><span class="toggle-name">${tool.text}</span>
    ${tool.count ? html`<span class="toggle-count">${tool.count}</span>` : null}
  </button>`;

/** Starts in the click itself: the browser demands it. @param {import("../app.js").App} app */
export function toggleScreen(app) {
  const { screen } = app.o.media;
  if (screen.state.track) screen.stop();
  else if (canShare()) void screen.start();
}
