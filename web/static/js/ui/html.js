import { useEffect, useState } from "../../vendor/htm-preact.js";

export { h, html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/htm-preact.js";

/**
 * Draws a view anew whenever the store changes.
 * @template {object} S
 * @param {import("../store.js").Store<S>} store
 * @returns {S}
 */
export function useStore(store) {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    setState(store.state);
    return store.subscribe(setState);
  }, [store]);
  return state;
}

/**
 * The time in milliseconds since 1970, anew every second.
 * @param {boolean} [running]
 */
export function useClock(running = true) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

/**
 * Whether a media query holds, followed as it changes.
 * @param {string} query
 */
export function useMedia(query) {
  const [holds, setHolds] = useState(matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const follow = () => setHolds(list.matches);
    follow();
    list.addEventListener("change", follow);
    return () => list.removeEventListener("change", follow);
  }, [query]);
  return holds;
}

/** @param {Record<string, unknown>} map  class name -> whether it applies */
export const classes = (map) => Object.keys(map).filter((name) => map[name]).join(" ");
