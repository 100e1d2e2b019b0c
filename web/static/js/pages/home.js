import { t } from "../i18n.js";
import { BoardSection } from "../ui/board.js";
import { html, useLayoutEffect, useMedia, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Lazy } from "../ui/lazy.js";
import { People } from "../ui/people.js";
import { Rooms } from "../ui/rooms.js";
import { Footer, TopBar } from "../ui/topbar.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */

/** Most people have missed nothing, so it comes when they have. */
const loadMissed = () => import("../ui/missed.js").then(({ Missed }) => Missed);

/** Where the three sections no longer fit side by side. */
const NARROW = "(max-width: 780px)";

/** @typedef {{id: string, icon: string, View: (props: PageProps) => any}} Section */

/** @type {Record<"people" | "board" | "rooms", Section>} */
const SECTIONS = {
  people: { id: "people", icon: "users", View: People },
  board: { id: "board", icon: "megaphone", View: BoardSection },
  rooms: { id: "rooms", icon: "door", View: Rooms },
};

/** An invitation for one room shows nobody else, and lets nobody be called. @param {PageProps["state"]} state @returns {Section[]} */
function sectionsFor({ you, offers }) {
  if (you?.room) return [SECTIONS.rooms];
  return [SECTIONS.people, ...(offers ? [SECTIONS.board] : []), SECTIONS.rooms];
}

/** @param {PageProps} props */
export function Home({ app, state }) {
  const sections = sectionsFor(state);
  const tabs = useMedia(NARROW) && sections.length > 1;
  const [wanted, setAt] = useState(0);
  const at = Math.min(wanted, sections.length - 1);
  // A window that becomes narrow keeps what is being typed, or asked, in sight.
  useLayoutEffect(() => {
    const busy = sections.findIndex(({ id }) => document.getElementById(`panel-${id}`)?.contains(document.activeElement));
    if (tabs && busy >= 0) setAt(busy);
  }, [tabs]);
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page home">
      <h1 tabindex="-1" class="visually-hidden">${t("home.title")}</h1>
      ${state.missed.length > 0 && html`<${Lazy} load=${loadMissed} props=${{ app, state }} />`}
      <div class=${tabs ? "home-panel" : "home-grid"}>
        ${sections.map(({ id, View }, i) => html`
          <div key=${id} id=${`panel-${id}`} class=${`home-${id}`} hidden=${tabs && i !== at} role=${tabs ? "tabpanel" : undefined} aria-labelledby=${tabs ? `tab-${id}` : undefined}><${View} app=${app} state=${state} /></div>`)}
      </div>
      ${tabs && html`<${Tabs} state=${state} sections=${sections} at=${at} onAt=${setAt} />`}
      <${Footer} app=${app} />
    </main>`;
}

/** @param {{state: PageProps["state"], sections: Section[], at: number, onAt: (at: number) => void}} props */
function Tabs({ state, sections, at, onAt }) {
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = (at + step * (document.dir === "rtl" ? -1 : 1) + sections.length) % sections.length;
    onAt(next);
    document.getElementById(`tab-${sections[next]?.id}`)?.focus();
  };
  const count = (/** @type {string} */ name) => (name === "board" ? state.offers?.length : 0);
  return html`
    <div role="tablist" class="tabs" aria-label=${t("home.sections")} onKeyDown=${move}>
      ${sections.map((section, i) => html`
        <button type="button" role="tab" key=${section.id} id=${`tab-${section.id}`} class="tab" aria-selected=${i === at ? "true" : "false"} aria-controls=${`panel-${section.id}`} tabindex=${i === at ? 0 : -1}
          onClick=${() => onAt(i)}><${Icon} name=${section.icon} /><span>${t(`home.tab.${section.id}`)}</span>${count(section.id) ? html`<span class="tab-count">${count(section.id)}</span>` : null}</button>`)}
    </div>`;
}
