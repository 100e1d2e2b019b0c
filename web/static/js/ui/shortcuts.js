import { useEffect, useRef } from "./html.js";

/**
 * Keys of a call: with Ctrl or Command as elsewhere, and single ones, which a
 * setting switches off and which never act where a person types.
 *
 * @typedef {object} Actions
 * @property {(device: "mic" | "cam") => void} toggle
 * @property {boolean} muted
 * @property {(talking: boolean) => void} talk     while muted, for as long as a key is held
 * @property {Record<string, () => void>} single   by key, in lower case
 */

/** @type {Record<string, "mic" | "cam">} */
const WITH_CTRL = { d: "mic", e: "cam" };

/** What takes keys itself. */
const TYPING = "input, textarea, select, [contenteditable], [role=menu], dialog";
/** What the space bar presses. */
const PRESSED = `${TYPING}, button, a, summary`;

/** @param {EventTarget | null} target @param {string} selector */
const within = (target, selector) => target instanceof Element && target.closest(selector) !== null;

/** @param {Actions} actions @param {boolean} single  whether single keys act */
export function useShortcuts(actions, single) {
  const now = useRef({ actions, single });
  now.current = { actions, single };
  useEffect(() => {
    let talking = false;
    const talk = (/** @type {boolean} */ on) => {
      if (talking === on || (on && !now.current.actions.muted)) return;
      talking = on;
      now.current.actions.talk(on);
    };
    /** @param {KeyboardEvent} event */
    const down = (event) => {
      const { actions: act, single: alone } = now.current;
      const key = event.key.toLowerCase();
      if (event.altKey || event.isComposing) return;
      const device = WITH_CTRL[key];
      if (device && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
        event.preventDefault();
        if (!event.repeat) act.toggle(device);
        return;
      }
      if (!alone || event.ctrlKey || event.metaKey || within(event.target, TYPING)) return;
      if (key === " " && !within(event.target, PRESSED)) {
        event.preventDefault();
        return talk(true);
      }
      const run = act.single[key];
      if (run && !event.repeat) {
        event.preventDefault();
        run();
      }
    };
    const up = (/** @type {KeyboardEvent} */ event) => event.key === " " && talk(false);
    const blur = () => talk(false);
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", blur);
    return () => {
      talk(false);
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", blur);
    };
  }, []);
}
