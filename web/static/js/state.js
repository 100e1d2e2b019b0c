/**
 * What the pages show, as types only.
 *
 * @typedef {{key: string, values?: import("./i18n.js").Values}} Text  a key of the language files
 * @typedef {{user: string, name: string}} Contact                      someone to call
 *
 * @typedef {object} SignIn
 * @property {boolean} busy
 * @property {Text | null} problem
 * @property {string} code        of the problem: says which field it is about
 * @property {string} name        what stands in the name field at first
 *
 * @typedef {"lobby" | "joining" | "calling" | "waiting" | "in" | "full" | "password" | "locked" | "knocking" | "refused" | "left"} CallPhase
 *   calling: it rings at the other side; waiting: the open call stands on the board; both are alone in the room
 *
 * @typedef {{id: string, name: string, guest: boolean, note: string}} Knock  someone at the door
 *
 * @typedef {object} CallView
 * @property {string} room
 * @property {"link" | "call" | "offer"} kind
 * @property {string} label        whom one called, was called by or answered; "" in a room by link
 * @property {Contact | null} other  to call again
 * @property {CallPhase} phase
 * @property {import("./rtc/member.js").View[]} members
 * @property {string} title
 * @property {number} max
 * @property {boolean} locked
 * @property {boolean} pass        it has a password
 * @property {string} host         peer id
 * @property {Knock[]} knocks      for the host
 * @property {number} since        start, in milliseconds since 1970
 * @property {boolean} [hand]      this person has raised it
 * @property {Text | null} problem
 * @property {{seconds: number, people: number, ended: boolean, report: object | null} | null} summary  ended: the others
 *   had gone; report: how the connections did, without names and addresses
 *
 * @typedef {object} Outgoing      a call by name, until it is accepted
 * @property {string} call         its id; "" before the server has answered
 * @property {string} name
 * @property {{user: string} | {name: string}} to
 * @property {boolean} video
 * @property {"calling" | "ringing" | "ended"} phase
 * @property {string} reason       why it ended: a reason of call.end or the code of a refusal
 * @property {string} note         what the other side said when declining
 * @property {boolean} retried     it is the second try, after the other side went away under the first
 *
 * @typedef {object} Ring          a call that comes in
 * @property {string} call
 * @property {import("./net/types.js").RoomPeer} from
 * @property {boolean} video
 * @property {boolean} silent      ignored, or from someone who is muted: it is not shown
 *
 * @typedef {Contact & {at: number}} Missed  at: Unix seconds
 *
 * @typedef {object} Added         someone who is called into the call that goes on
 * @property {string} call
 * @property {string} name
 * @property {string} state        "calling", "ringing", or why it ended
 * @property {string} note
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
 * @property {import("./net/types.js").Offer[] | null} offers   the board, oldest first; null: not for this person
 * @property {CallView | null} call
 * @property {Outgoing | null} outgoing
 * @property {Ring[]} rings            the first one is shown
 * @property {Missed[]} missed         newest first
 * @property {Added[]} added
 * @property {import("./board.js").Posted | null} posted  one's own open call
 * @property {Text | null} toast       a passing word
 * @property {Record<"mic" | "cam", import("./rtc/devices.js").DeviceState>} devices
 * @property {import("./rtc/share.js").ShareState} screen
 * @property {import("./rtc/devices.js").Lists} lists
 * @property {import("./prefs.js").Prefs} prefs
 *
 * @typedef {import("./store.js").Store<State>} AppStore
 */
export {};
