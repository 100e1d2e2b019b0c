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
 * @typedef {{wish: Setting, done: string, busy: boolean, fresh: boolean}} Known  fresh: the next picture shall need none before it
 */

/**
 * The one writer of every sender's parameters. A browser refuses a setting that
 * is based on parameters which are no longer the latest, so each sender has at
 * most one transaction under way, and after it the newest wish is next.
 */
export class Senders {
  /** @type {WeakMap<RTCRtpSender, Known>} */
  #known = new WeakMap();

  /** @param {RTCRtpSender | undefined} sender @param {Setting} wish */
  set(sender, wish) {
    if (!sender?.getParameters) return;
    const known = this.#known.get(sender) ?? { wish, done: "", busy: false, fresh: false };
    known.wish = wish;
    this.#known.set(sender, known);
    if (!known.busy && known.done !== JSON.stringify(wish)) void this.#apply(sender, known);
  }

  /**
   * Sends a picture that needs none before it: the other side has missed some, and asks for it up to 3 s later.
   * A browser that knows no such wish leaves it at that.
   * @param {RTCRtpSender | undefined} sender
   */
  renew(sender) {
    const known = sender?.track && this.#known.get(sender);
    if (!known) return;
    known.fresh = true;
    if (!known.busy) void this.#apply(sender, known);
  }

  /** @param {RTCRtpSender} sender @param {Known} known */
  async #apply(sender, known) {
    known.busy = true;
    for (let tries = 0; tries < 3 && (known.fresh || known.done !== JSON.stringify(known.wish)); tries++) {
      const { wish, fresh } = known;
      known.fresh = false;
      try {
        // Before it is negotiated there is nothing to set; a later wish finds it.
        if (await write(sender, wish, fresh)) known.done = JSON.stringify(wish);
        else break;
      } catch {
        // Negotiation changed the parameters in between: once more with the latest.
        known.fresh ||= fresh;
      }
    }
    known.busy = false;
  }
}

/** @param {RTCRtpSender} sender @param {Setting} wish @param {boolean} fresh @returns {Promise<boolean>} */
async function write(sender, { degradationPreference, ...wish }, fresh) {
  const parameters = /** @type {any} */ (sender.getParameters());
  const encoding = parameters.encodings?.[0];
  if (!encoding) return false;
  Object.assign(encoding, wish, { networkPriority: wish.priority });
  if (degradationPreference) parameters.degradationPreference = degradationPreference;
  const now = /** @type {any} */ ({ encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) });
  await sender.setParameters(parameters, fresh ? now : undefined);
  return true;
}
