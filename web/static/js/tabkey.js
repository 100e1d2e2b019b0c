/**
 * The tab's secret, from which the server makes its peer id. It lives in
 * sessionStorage, so it survives a reload; a duplicated tab gets the copy too,
 * which a lock finds out.
 */

const KEY = "parley.key";
/** A reload asks before the old page has let go of its lock: try for a moment. */
const TRIES = 4;
const PAUSE_MS = 100;

const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** @returns {Promise<string>} 32 hex digits that no other tab uses */
export async function tabKey() {
  const stored = read();
  if (stored && (await claim(stored))) return stored;
  const key = fresh();
  write(key);
  await claim(key);
  return key;
}

/** @param {string} key @returns {Promise<boolean>} whether this tab now holds it */
async function claim(key) {
  if (!navigator.locks) return true;
  for (let i = 0; i < TRIES; i++) {
    if (await lock(key)) return true;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  return false;
}

/** @param {string} key @returns {Promise<boolean>} */
function lock(key) {
  return new Promise((done) => {
    void navigator.locks.request(`${KEY}.${key}`, { ifAvailable: true }, (held) => {
      done(held !== null);
      return held ? new Promise(() => {}) : undefined; // held until the tab goes
    });
  });
}

/** @returns {string | null} */
function read() {
  try {
    const key = sessionStorage.getItem(KEY);
    return key && /^[0-9a-f]{32}$/.test(key) ? key : null;
  } catch {
    return null;
  }
}

/** @param {string} key */
function write(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // Forbidden storage: a reload is then a new tab to the server.
  }
}
