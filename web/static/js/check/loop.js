/**
 * Two connections of this page with each other: what reaches from one to the
 * other has gone through whatever lies between, a relay for instance.
 */

/** How full the burst may make the channel: enough to keep a fast line busy, little enough to stop at once. */
const WINDOW_BYTES = 512 * 1024;
const CHUNK_BYTES = 16 * 1024;

/** Something took longer than it may. */
export class Timeout extends Error {}

/**
 * @template T
 * @param {Promise<T>} promise @param {number} ms
 * @returns {Promise<T>} rejects with Timeout
 */
export function within(promise, ms) {
  /** @type {any} */
  let timer;
  const limit = new Promise((_, fail) => (timer = setTimeout(() => fail(new Timeout("timeout")), ms)));
  return Promise.race([promise, /** @type {Promise<T>} */ (limit)]).finally(() => clearTimeout(timer));
}

/** One pair of connections; it is used once and closed. */
export class Loop {
  /** @type {number[]} codes of icecandidateerror */
  errors = [];
  /** @type {{text: string, type: string}[]} candidates of the near side */
  found = [];
  #bytes = 0;
  /** @type {((text: string) => void) | null} */
  #echoed = null;
  /** @type {Promise<void> | null} when both sides are described, and candidates may be added */
  #ready = null;
  /** @type {(() => void) | null} */
  #refused = null;

  /** @param {RTCConfiguration} config @param {any} [Connection]  class with the browser's interface */
  constructor(config, Connection = globalThis.RTCPeerConnection) {
    /** @type {RTCPeerConnection} */
    this.near = new Connection(config);
    /** @type {RTCPeerConnection} */
    this.far = new Connection(config);
    this.channel = this.near.createDataChannel("loop");
    this.channel.binaryType = "arraybuffer";
    this.channel.onmessage = ({ data }) => this.#echoed?.(String(data));
    this.far.ondatachannel = ({ channel }) => this.#serve(channel);
  }

  /** @param {number} limit  milliseconds until it must be open; sooner when every server has said no */
  async open(limit) {
    const open = new Promise((done, fail) => {
      this.channel.onopen = () => done(undefined);
      this.#refused = () => fail(new Error("no candidate"));
    });
    this.#trickle(this.near, this.far);
    this.#trickle(this.far, this.near);
    this.#ready = this.#describe();
    await within(Promise.all([open, this.#ready]), limit);
  }

  /**
   * Sends short messages one after the other and waits for each to come back.
   * @param {number} count @param {number} limit  milliseconds for all of them
   * @returns {Promise<number[]>} round trips in milliseconds
   */
  async echo(count, limit) {
    /** @type {number[]} */
    const trips = [];
    const all = async () => {
      while (trips.length < count) {
        const start = performance.now();
        const back = new Promise((done) => (this.#echoed = done));
        this.channel.send(`echo ${trips.length}`);
        await back;
        trips.push(performance.now() - start);
      }
    };
    await within(all(), limit).catch((error) => {
      if (!(error instanceof Timeout) || !trips.length) throw error;
    });
    return trips;
  }

  /** @param {number} ms  how long @returns {Promise<number>} kbit/s that arrived */
  async burst(ms) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const start = performance.now();
    this.#bytes = 0;
    this.channel.bufferedAmountLowThreshold = WINDOW_BYTES / 2;
    while (performance.now() - start < ms && this.channel.readyState === "open") {
      while (this.channel.bufferedAmount < WINDOW_BYTES) this.channel.send(chunk);
      const low = new Promise((done) => (this.channel.onbufferedamountlow = () => done(undefined)));
      await within(low, 250).catch(() => {}); // a slow line: the clock decides
    }
    return (this.#bytes * 8) / (performance.now() - start);
  }

  close() {
    this.near.close();
    this.far.close();
  }

  /** @param {RTCPeerConnection} from @param {RTCPeerConnection} to */
  #trickle(from, to) {
    from.onicecandidateerror = (event) => void this.errors.push(event.errorCode);
    from.onicecandidate = ({ candidate }) => {
      if (candidate && from === this.near) this.found.push({ text: candidate.candidate, type: candidate.type ?? "" });
      if (!candidate && from === this.near && !this.found.length) this.#refused?.();
      if (candidate) void this.#ready?.then(() => to.addIceCandidate(candidate)).catch(() => {}); // closed meanwhile
    };
  }

  async #describe() {
    const { near, far } = this;
    await near.setLocalDescription(await near.createOffer());
    await far.setRemoteDescription(/** @type {RTCSessionDescription} */ (near.localDescription));
    await far.setLocalDescription(await far.createAnswer());
    await near.setRemoteDescription(/** @type {RTCSessionDescription} */ (far.localDescription));
  }

  /** The far side: text goes back, bytes are counted. @param {RTCDataChannel} channel */
  #serve(channel) {
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      if (typeof data === "string") channel.send(data);
      else this.#bytes += data.byteLength;
    };
  }
}

/**
 * What servers say about this side's address: one gathering, no connection.
 * @param {RTCIceServer[]} iceServers @param {number} limit @param {any} [Connection] @param {AbortSignal} [signal]  ends it before
 * @returns {Promise<{complete: boolean, found: {text: string, type: string}[], errors: number[]}>}
 */
export async function gather(iceServers, limit, Connection = globalThis.RTCPeerConnection, signal) {
  /** @type {RTCPeerConnection} */
  const pc = new Connection({ iceServers });
  /** @type {{text: string, type: string}[]} */
  const found = [];
  /** @type {number[]} */
  const errors = [];
  try {
    pc.onicecandidateerror = (event) => void errors.push(event.errorCode);
    const done = new Promise((finish) => {
      signal?.addEventListener("abort", () => finish(false));
      pc.onicecandidate = ({ candidate }) => {
        if (!candidate) finish(true);
        else if (candidate.candidate) found.push({ text: candidate.candidate, type: candidate.type ?? "" });
      };
    });
    pc.createDataChannel("gather");
    await pc.setLocalDescription(await pc.createOffer());
    const complete = await within(done, limit).catch(() => false);
    return { complete, found, errors };
  } finally {
    pc.close();
  }
}
