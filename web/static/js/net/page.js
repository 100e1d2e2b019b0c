/**
 * Tells a session when the network or the page comes back, and its owner when
 * the page goes for good.
 * @param {import("./session.js").Session} session
 * @param {() => void} gone   must not wait for anything
 * @returns {() => void} ends it
 */
export function followPage(session, gone) {
  const over = new AbortController();
  const { signal } = over;
  const wake = () => session.wake();
  addEventListener("online", wake, { signal });
  addEventListener("pageshow", wake, { signal });
  /** @type {any} */ (navigator).connection?.addEventListener?.("change", wake, { signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake(), { signal });
  // A page that is only put aside may come back, and its session with it.
  addEventListener("pagehide", (event) => event.persisted || gone(), { signal });
  return () => over.abort();
}
