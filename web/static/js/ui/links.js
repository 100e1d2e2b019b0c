import { whose } from "../check/background.js";
import { announce } from "./announce.js";
import { useEffect, useRef, useState } from "./html.js";
import { chime } from "./ringer.js";

/**
 * What is heard of links that break: a tone at once, words when it lasts.
 *
 * @typedef {import("../rtc/member.js").View} View
 * @typedef {import("../state.js").State} State
 * @typedef {{text: import("../state.js").Text, urgent: boolean}} Word
 */

/** Most breaks are over before anybody needs to hear of them. */
const PATIENCE_MS = 3_000;

const BROKEN = new Set(["reconnecting", "failed", "lost"]);

/** Follows how everybody's link does. It has no clock and makes no sound. */
export class LinkWatch {
  /** @type {Map<string, {since: number, told: string}>} by id of a member whose link is broken */
  #broken = new Map();

  /**
   * @param {number} now  milliseconds @param {readonly View[]} views
   * @returns {{tone: boolean, words: Word[]}}
   */
  look(now, views) {
    const fresh = views.filter(({ id, phase }) => phase === "reconnecting" && !this.#broken.has(id));
    for (const { id, phase } of views) if (BROKEN.has(phase) && !this.#broken.has(id)) this.#broken.set(id, { since: now, told: "" });
    const words = views.flatMap((view) => this.#word(now, view) ?? []);
    for (const id of this.#broken.keys()) if (!views.some((view) => view.id === id && BROKEN.has(view.phase))) this.#broken.delete(id);
    return { tone: fresh.length > 0, words };
  }

  /** @param {number} now @param {View} view @returns {Word | null} */
  #word(now, { id, name, phase }) {
    const broken = this.#broken.get(id);
    if (!broken) return null;
    const key = phase === "lost" ? "link.lost" : phase === "connected" ? "link.back" : now - broken.since >= PATIENCE_MS ? "link.broken" : "";
    if (!key || key === broken.told || (key === "link.back" && !broken.told)) return null;
    broken.told = key;
    return { text: { key, values: { name } }, urgent: key !== "link.back" };
  }
}

/** @param {readonly View[]} members  anew about once a second, as their figures come */
export function useLinkWords(members) {
  const watch = useRef(/** @type {LinkWatch | null} */ (null));
  useEffect(() => {
    watch.current ??= new LinkWatch();
    const { tone, words } = watch.current.look(Date.now(), members);
    if (tone) chime("lost");
    for (const { text, urgent } of words) announce(text, urgent);
  }, [members]);
}

/**
 * Once a link is given up for now, this side tests itself, so that a person knows where to look.
 * @param {State} state @returns {import("../check/background.js").Side | "busy" | ""}
 */
export function useDiagnosis(state) {
  const [side, setSide] = useState(/** @type {import("../check/background.js").Side | "busy" | ""} */ (""));
  const ice = useRef(state.ice);
  ice.current = state.ice;
  const lost = (state.call?.members ?? []).some(({ phase }) => phase === "lost");
  useEffect(() => {
    if (!lost) return setSide("");
    const over = new AbortController();
    setSide("busy");
    const socket = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    void whose({ origin: location.origin, socket, ice: () => ice.current, working: new Map() }, over.signal).then((found) => found && setSide(found));
    return () => over.abort();
  }, [lost]);
  return side;
}
