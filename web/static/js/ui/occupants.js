import { list } from "../format.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../net/types.js").Inside} Found */

/** How often is looked anew: people come and go while one combs one's hair. */
const EVERY_MS = 5_000;
/** More names than these are only counted. */
const NAMED = 4;

/** @param {Found} found @returns {[icon: string, text: string]} */
function words({ locked, pass, full, names }) {
  if (locked) return ["lock", t("occupants.locked")];
  if (pass) return ["key", t("occupants.pass")];
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
  useEffect(() => {
    if (!online) return;
    let over = false;
    const look = async () => {
      if (document.hidden) return;
      const now = await app.calls.look(room);
      if (over) return;
      setFound(now);
      if (!now) clearInterval(timer); // it will not be told
    };
    const timer = setInterval(look, EVERY_MS);
    void look();
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [room, online]);
  const [icon, text] = found ? words(found) : ["", ""];
  return html`<p class="occupants" role="status">${icon && html`<${Icon} name=${icon} /><span>${text}</span>`}</p>`;
}
