import { Store } from "./store.js";

/**
 * Text and files of the call that goes on. What does the work comes with the
 * call; this part is there from the start, and holds what the pages show.
 *
 * @typedef {object} TalkState
 * @property {import("./chat/log.js").Entry[]} entries
 * @property {number} unread
 * @property {boolean} open                                   the panel is shown
 * @property {import("./files/files.js").Row[]} rows
 * @property {string} asked                                   the offer that is asked about, by its key
 *
 * @typedef {object} TalkOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./calls.js").Calls} calls
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** @returns {TalkState} */
const nothing = () => ({ entries: [], unread: 0, open: false, rows: [], asked: "" });

export class Talk {
  /** @type {Store<TalkState>} */
  store = new Store(nothing());
  /** @type {import("./chat/chat.js").Chat | null} */
  chat = null;
  /** @type {import("./files/files.js").Files | null} */
  files = null;

  /** @param {TalkOptions} options */
  constructor(options) {
    this.o = options;
    options.calls.attach(async () => {
      const talking = await import("./talking.js").catch(() => null); // a call without it is still a call
      return (call) => this.#attach(call, talking);
    });
  }

  /** @param {boolean} open  shows or hides the panel */
  show(open) {
    this.store.set({ open, ...(open && { unread: 0 }) });
  }

  /** @param {import("./rtc/call.js").Call} call @param {typeof import("./talking.js") | null} talking */
  #attach(call, talking) {
    const end = talking?.begin(this, call);
    return () => {
      end?.();
      this.chat = this.files = null;
      this.store.set(nothing());
    };
  }
}
