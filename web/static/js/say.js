/**
 * Shows a passing word, and says it to who listens rather than looks.
 * @param {{store: import("./state.js").AppStore, announce: (text: import("./state.js").Text) => void}} page
 * @param {import("./state.js").Text} text
 */
export function say({ store, announce }, text) {
  store.set({ toast: text });
  announce(text);
}
