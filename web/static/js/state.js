/**
 * What the pages show, as types only.
 *
 * @typedef {{key: string, values?: import("./i18n.js").Values}} Text  a key of the language files
 *
 * @typedef {object} SignIn
 * @property {boolean} busy
 * @property {Text | null} problem
 * @property {string} code        of the problem: says which field it is about
 * @property {string} name        what stands in the name field at first
 *
 * @typedef {object} CallView
 * @property {string} room
 * @property {"lobby" | "joining" | "in" | "full" | "refused" | "left"} phase
 * @property {import("./rtc/member.js").View[]} members
 * @property {number} max
 * @property {number} since        start, in milliseconds since 1970
 * @property {Text | null} problem
 * @property {{seconds: number, people: number} | null} summary
 *
 * @typedef {object} State
 * @property {"loading" | "ready" | "unreachable"} boot
 * @property {import("./router.js").Route} route
 * @property {import("./net/api.js").Config | null} config
 * @property {import("./net/session.js").State} net
 * @property {import("./net/types.js").You | null} you
 * @property {import("./net/types.js").Ice | null} ice
 * @property {SignIn | null} signIn    set while nobody is signed in
 * @property {string} ended            why the session is over: "replaced", "kicked", "version", or ""
 * @property {boolean} update          the server has a newer client
 * @property {import("./net/types.js").Person[] | null} people  null: the server does not tell
 * @property {CallView | null} call
 * @property {Record<"mic" | "cam", import("./rtc/devices.js").DeviceState>} devices
 * @property {import("./rtc/devices.js").Lists} lists
 * @property {import("./prefs.js").Prefs} prefs
 *
 * @typedef {import("./store.js").Store<State>} AppStore
 */
export {};
