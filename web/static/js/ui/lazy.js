import { html, useEffect, useState } from "./html.js";

/** @typedef {() => Promise<(props: any) => any>} Load  gives the view */

/** What has come already, by the function that loads it: it is shown without a moment's delay. @type {WeakMap<Load, (props: any) => any>} */
const loaded = new WeakMap();

/**
 * A part of the page whose modules come when it is first needed, so that the
 * first load stays small. Until then the fallback is shown.
 * @param {{load: Load, props: object, fallback?: unknown, onShow?: () => void, onFail?: () => void}} props
 *   load: the same function at every call; onShow: it was not there at once, and is now; onFail: the modules cannot be had (the server is away, or has newer ones)
 */
export function Lazy({ load, props, fallback = null, onShow, onFail }) {
  const [late, setLate] = useState(false);
  const View = loaded.get(load);
  useEffect(() => {
    if (loaded.has(load)) return;
    let here = true;
    preload(load).then(() => here && setLate(true), () => here && onFail?.());
    return () => void (here = false);
  }, [load]);
  useEffect(() => void (late && onShow?.()), [late]);
  return View ? html`<${View} ...${props} />` : fallback;
}

/** Fetches a part ahead of need. @param {Load} load */
export async function preload(load) {
  loaded.set(load, await load());
}
