import { html, useEffect, useState } from "./html.js";

/**
 * A part of the page whose modules come when it is first needed, so that the
 * first load stays small. Until then the fallback is shown.
 * @param {{load: () => Promise<(props: any) => any>, props: object, fallback?: unknown, onFail?: () => void}} props
 *   load: the same function at every call; onFail: the modules cannot be had (the server is away, or has newer ones)
 */
export function Lazy({ load, props, fallback = null, onFail }) {
  const [part, setPart] = useState(/** @type {{View: (props: any) => any} | null} */ (null));
  useEffect(() => {
    let here = true;
    load().then((View) => here && setPart({ View }), () => here && onFail?.());
    return () => void (here = false);
  }, [load]);
  return part ? html`<${part.View} ...${props} />` : fallback;
}
