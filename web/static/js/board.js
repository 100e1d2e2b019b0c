import { explainRefusal } from "./rtc/explain.js";
import { say } from "./say.js";

/**
 * @typedef {import("./net/types.js").Offer} Offer
 *
 * @typedef {object} Posting        an open call as its poster wants it
 * @property {string} title
 * @property {boolean} video
 * @property {"all" | "signed_in"} audience
 * @property {boolean} stored       its offer waits on the server, for a faster start
 * @property {number} expires       milliseconds since 1970; 0: as late as the server lets it
 *
 * @typedef {Posting & {offer: string}} Posted  offer: "" while it is being put up
 *
 * @typedef {object} BoardOptions
 * @property {import("./state.js").AppStore} store
 * @property {import("./net/session.js").Session} session
 * @property {import("./calls.js").Calls} calls
 * @property {(room: string) => void} arrived    the person is in that room now; "" for none
 * @property {(video: boolean) => void} open     the person has chosen to be heard, and perhaps to be seen
 * @property {(text: import("./state.js").Text, urgent?: boolean) => void} announce
 */

/** Less than this is not worth putting up again. */
const LEAST_MS = 2_000;

/** The board of open calls: those of others, and one's own. */
export class Board {
  /** @param {BoardOptions} options */
  constructor(options) {
    this.o = options;
    const { session, store } = options;
    // The page of who waits was left, in whatever way: with the room goes the offer.
    store.subscribe(({ posted, call }) => posted && call?.phase !== "waiting" && store.set({ posted: null }));
    session.onFrame("offer.new", ({ offer }) => this.#listed(offer));
    session.onFrame("offer.gone", (frame) => this.#gone(frame));
    session.onFrame("offer.taken", (frame) => this.#taken(frame));
  }

  get #state() {
    return this.o.store.state;
  }

  /** @param {Offer} offer */
  #listed(offer) {
    const { offers } = this.#state;
    if (offers) this.o.store.set({ offers: [...offers.filter((one) => one.offer !== offer.offer), offer] });
  }

  /** @param {string} offer */
  #unlist(offer) {
    const { offers } = this.#state;
    if (offers) this.o.store.set({ offers: offers.filter((one) => one.offer !== offer) });
  }

  /** Puts an open call up and waits for who answers it. @param {Posting} posting @param {{keep?: boolean}} [how] */
  async post(posting, { keep = false } = {}) {
    const { calls, store } = this.o;
    const mine = { ...posting, offer: "" };
    const entered = calls.enter({ kind: "offer", phase: "waiting", stored: posting.stored, keep, ask: () => this.#ask(mine) });
    store.set({ posted: mine });
    if (!keep) this.o.open(posting.video);
    try {
      this.o.arrived(await entered);
    } catch (error) {
      if (/** @type {any} */ (error).code === "closed") return;
      this.#end(explainRefusal(/** @type {any} */ (error)));
    }
  }

  /** @param {Posted} mine @returns {Promise<import("./rtc/call.js").Entry>} */
  async #ask(mine) {
    const { title, video, audience, expires } = mine;
    const { session, store } = this.o;
    const most = session.welcome?.limits.offer_ttl_ms ?? 600_000;
    const ttl = expires ? Math.max(LEAST_MS, Math.min(most, expires - Date.now())) : most;
    const { offer, room } = await session.request("offer.post", { title, media: { audio: true, video }, for: audience, ttl_ms: Math.round(ttl) });
    // One that was put up again meanwhile has an answer of its own to wait for.
    if (this.#state.posted === mine) store.set({ posted: { ...mine, offer, expires: Date.now() + ttl } });
    const { welcome } = session;
    return { room: { room, kind: "offer", title: "", max: welcome?.limits.room_max ?? 0, locked: true, pass: false, host: welcome?.you.peer ?? "", order: 1, peers: [] } };
  }

  /** Starts the time anew. */
  async extend() {
    const { posted } = this.#state;
    if (posted) await this.post({ ...posted, expires: 0 }, { keep: true });
  }

  /** Puts the same up again for the time that is left: the server knows nothing of it any more. */
  async renew() {
    const { posted } = this.#state;
    if (!posted) return;
    if (posted.expires && posted.expires - Date.now() < LEAST_MS) return this.#end({ key: "board.gone.expired" });
    await this.post(posted, { keep: true });
  }

  /** Takes one's own open call down. */
  withdraw() {
    const { posted } = this.#state;
    if (posted?.offer) this.o.session.request("offer.withdraw", { offer: posted.offer }).catch(() => {}); // gone already
    this.#end(null);
  }

  /** @param {import("./state.js").Text | null} why */
  #end(why) {
    this.o.calls.close();
    if (why) say(this.o, why);
    this.o.arrived("");
  }

  /** Answers an open call. @param {Offer} offer */
  async take({ offer, by, media }) {
    const { session, calls } = this.o;
    const ask = () => session.request("offer.take", { offer });
    const entered = calls.enter({ kind: "offer", label: by.name, other: { user: by.user, name: by.name }, hurry: true, ask });
    this.o.open(media?.video === true);
    try {
      this.o.arrived(await entered);
    } catch (error) {
      const { code } = /** @type {any} */ (error);
      if (code === "closed") return;
      if (code === "gone") this.#unlist(offer);
      say(this.o, code === "gone" ? { key: "board.late", values: { name: by.name } } : explainRefusal(/** @type {any} */ (error)));
    }
  }

  /** @param {{offer: string, reason: string}} frame */
  #gone({ offer, reason }) {
    this.#unlist(offer);
    const { posted } = this.#state;
    if (posted?.offer === offer && reason !== "taken") this.#end({ key: reason === "expired" ? "board.gone.expired" : "board.gone.other" });
  }

  /** @param {{offer: string, by: import("./net/types.js").RoomPeer}} frame */
  #taken({ offer, by }) {
    const { posted } = this.#state;
    if (posted?.offer !== offer) return;
    this.o.calls.begin({ label: by.name, other: { user: by.user, name: by.name } });
    this.o.announce({ key: "board.answered", values: { name: by.name } }, true);
  }
}
