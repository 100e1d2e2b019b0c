/**
 * @typedef {object} Setting        what one sender is told; undefined leaves the browser's choice
 * @property {boolean} active
 * @property {number} maxBitrate    bits a second
 * @property {number} [maxFramerate]
 * @property {number} [scaleResolutionDownBy]
 * @property {RTCPriorityType} priority
 * @property {string} [degradationPreference]
 */

/**
 * The one writer of every sender's parameters. A browser refuses a setting that
 * is based on parameters which are no longer the latest, so each sender has at
 * most one transaction under way, and after it the newest wish is next.
 */
export class Senders {
  /** @type {WeakMap<RTCRtpSender, {wish: Setting, done: string, busy: boolean}>} */
  #known = new WeakMap();

  /** @param {RTCRtpSender | undefined} sender @param {Setting} wish */
  set(sender, wish) {
    if (!sender?.getParameters) return;
    const known = this.#known.get(sender) ?? { wish, done: "", busy: false };
    known.wish = wish;
    this.#known.set(sender, known);
    if (!known.busy && known.done !== JSON.stringify(wish)) void this.#apply(sender, known);
  }

  /** @param {RTCRtpSender} sender @param {{wish: Setting, done: string, busy: boolean}} known */
  async #apply(sender, known) {
    known.busy = true;
    for (let tries = 0; tries < 3 && known.done !== JSON.stringify(known.wish); tries++) {
      const { wish } = known;
      try {
        // Before it is negotiated there is nothing to set; a later wish finds it.
        if (await write(sender, wish)) known.done = JSON.stringify(wish);
        else break;
      } catch {
        // Negotiation changed the parameters in between: once more with the latest.
      }
    }
    known.busy = false;
  }
}

/** @param {RTCRtpSender} sender @param {Setting} wish @returns {Promise<boolean>} */
async function write(sender, { degradationPreference, ...wish }) {
  const parameters = /** @type {any} */ (sender.getParameters());
  const encoding = parameters.encodings?.[0];
  if (!encoding) return false;
  Object.assign(encoding, wish, { networkPriority: wish.priority });
  if (degradationPreference) parameters.degradationPreference = degradationPreference;
  await sender.setParameters(parameters);
  return true;
}
