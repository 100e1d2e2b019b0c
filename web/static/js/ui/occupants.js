import { list } from "../format.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../net/types.js").Inside} Found */

/** How often is looked anew: people come and go while one combs one's hair. */
const EVERY_MS = 5_000;
/** Beyond these names, two and more are only counted. */
const NAMED = 4;

/** What will not be told, also in five seconds. */
const NEVER = new Set(["denied", "forbidden", "unknown_type", "bad_message"]);

/** @param {Found} found @returns {[icon: string, text: string]} */
function words({ locked, pass, full, names }) {
  if (pass) return ["key", t("occupants.pass")];
  if (locked) return ["lock", t("occupants.locked")];
  if (full) return ["users", t("occupants.full")];
  if (!names.length) return ["users", t("occupants.nobody")];
  const rest = names.length - NAMED;
  const named = rest > 1 ? [...names.slice(0, NAMED), t("occupants.more", { n: rest })] : names;
  return ["users", t("occupants.names", { n: names.length, names: list(named) })];
}

/** Whom one would meet in the room, or what stands before it. @param {import("./root.js").PageProps} props */
export function Occupants({ app, state }) {
  const [found, setFound] = useState(/** @type {Found | null} */ (null));
  const room = state.call?.room ?? "";
  const online = state.net === "online";
  useEffect(() => setFound(null), [room]);
  useEffect(() => {
    if (!online) return;
    let over = false;
    const look = () => app.calls.look(room).then((now) => over || setFound(now), ({ code }) => NEVER.has(code) && clearInterval(timer));
    const timer = setInterval(() => document.hidden || void look(), EVERY_MS);
    void look();
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [room, online]);
  const [icon, text] = found ? words(found) : ["", ""];
  return html`<p class="occupants" role="status">${icon && html`<${Icon} name=${icon} /><span>${text}</span>`}</p>`;
}
