import { Emitter } from "../net/emitter.js";

/**
 * @typedef {object} ShareState
 * @property {boolean} busy        the browser has been asked and has not answered
 * @property {MediaStreamTrack | null} track
 * @property {MediaStreamTrack | null} audio   sound of what is shared, where the browser gives it
 * @property {boolean} motion      a film rather than text
 * @property {{error: unknown, ms: number} | null} failure   ms: how soon the browser refused
 */

/** What is asked of the browser; members that it does not know are ignored. */
const WANTED = {
  video: { frameRate: { ideal: 15, max: 30 } },
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, suppressLocalAudioPlayback: false, restrictOwnAudio: true },
  systemAudio: "include", surfaceSwitching: "include", selfBrowserSurface: "exclude", monitorTypeSurfaces: "include",
};

/** @returns {boolean} whether this browser can share a screen at all: phones cannot */
export const canShare = () => typeof navigator.mediaDevices?.getDisplayMedia === "function";

/** This person's screen, shared beside the camera. */
export class ScreenShare {
  /** @type {ShareState} */
  state = { busy: false, track: null, audio: null, motion: false, failure: null };
  /** @type {Emitter<{change: void, track: "screen" | "screenAudio"}>} */
  #events = new Emitter();
  /** Counts questions and ends: what the browser gives for an earlier question is for nobody. */
  #turn = 0;

  /**
   * @template {"change" | "track"} K
   * @param {K} name @param {(value: {change: void, track: "screen" | "screenAudio"}[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** Asks what to share; to be called in the click itself, which the browser demands. */
  async start() {
    if (this.state.busy) return;
    const asked = performance.now();
    const turn = ++this.#turn;
    this.#set({ busy: true, failure: null });
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia(/** @type {any} */ (WANTED));
      if (turn === this.#turn) this.#take(stream);
      else for (const track of stream.getTracks()) track.stop();
    } catch (error) {
      if (turn === this.#turn) this.#set({ busy: false, failure: { error, ms: performance.now() - asked } });
    }
  }

  /** Also what the browser's own bar does. Ends a question that is open, too. */
  stop() {
    this.#turn++;
    const { track, audio, busy } = this.state;
    if (busy) this.#set({ busy: false });
    if (!track && !audio) return;
    for (const one of [track, audio]) end(one);
    this.#set({ track: null, audio: null });
    this.#tell();
  }

  /** @param {boolean} motion  smooth rather than sharp */
  setMotion(motion) {
    if (this.state.track) this.state.track.contentHint = hint(motion);
    this.#set({ motion });
    this.#events.emit("track", "screen");
  }

  /** The person has read why it failed. */
  forget() {
    this.#set({ failure: null });
  }

  /** @param {MediaStream} stream */
  #take(stream) {
    this.stop();
    const [track = null] = stream.getVideoTracks();
    const [audio = null] = stream.getAudioTracks();
    if (track) {
      track.contentHint = hint(this.state.motion);
      track.onended = () => this.stop();
    }
    if (audio) audio.contentHint = "music";
    this.#set({ busy: false, track, audio });
    this.#tell();
  }

  #tell() {
    this.#events.emit("track", "screen");
    this.#events.emit("track", "screenAudio");
  }

  /** @param {Partial<ShareState>} change */
  #set(change) {
    this.state = { ...this.state, ...change };
    this.#events.emit("change", undefined);
  }
}

/** @param {boolean} motion */
const hint = (motion) => (motion ? "motion" : "detail");

/** @param {MediaStreamTrack | null} track */
function end(track) {
  if (!track) return;
  track.onended = null;
  track.stop();
}
