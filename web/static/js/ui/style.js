/** Where this build's files are: /a/<build>/. */
const BASE = new URL("../../", import.meta.url);

/**
 * Adds a style sheet, once, and waits until it counts.
 * @param {string} name  below the build's folder
 * @returns {Promise<void>}
 */
function addStyle(name) {
  const { href } = new URL(name, BASE);
  if ([...document.querySelectorAll("link")].some((link) => link.href === href)) return Promise.resolve();
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  return new Promise((done) => {
    // A page without its style is still a page.
    link.onload = link.onerror = () => done();
    document.head.append(link);
  });
}

/**
 * For <Lazy>: fetches a view together with its style sheets.
 * @param {() => Promise<(props: any) => any>} load @param {string[]} sheets
 */
export const withStyle = (load, ...sheets) => () => Promise.all([load(), ...sheets.map(addStyle)]).then(([view]) => view);
