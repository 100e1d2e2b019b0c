/** What is so before anything has happened; the rest of a State is the page's own. */
export const NOTHING = Object.freeze({
  boot: /** @type {const} */ ("loading"), config: null, net: /** @type {const} */ ("idle"), you: null, ice: null, signIn: null, ended: "", update: false,
  people: null, offers: null, call: null, outgoing: null, rings: [], missed: [], added: [], posted: null, toast: null,
});
