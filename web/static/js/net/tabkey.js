/**
 * The tab's secret, from which the server makes its peer id. It lives in
 * sessionStorage, so it survives a reload; a duplicated tab gets the copy too,
 * which a lock finds out.
 */

const KEY = "parley.key";
/** A reload asks before the old page has let go of its lock: try for a moment. */
const TRIES = 4;
const PAUSE_MS = 100;

/** @param {string} server @returns {string} where its secret is stored */
const place = (server) => (server ? `${KEY} ${server}` : KEY);

const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/**
 * @param {string} [server]  for pages that talk to several: no server learns the secret of another
 * @returns {Promise<string>} 32 hex digits that no other tab uses
 */
export async function tabKey(server = "") {
  const stored = read(place(server));
  if (stored && (await claim(stored))) return stored;
  const key = fresh();
  write(place(server), key);
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

/** @param {string} where @returns {string | null} */
function read(where) {
  try {
    const key = sessionStorage.getItem(where);
    return key && /^[0-9a-f]{32}$/.test(key) ? key : null;
  } catch {
    return null;
  }
}

/** @param {string} where @param {string} key */
function write(where, key) {
  try {
    sessionStorage.setItem(where, key);
  } catch {
    // Forbidden storage: a reload is then a new tab to the server.
  }
}
