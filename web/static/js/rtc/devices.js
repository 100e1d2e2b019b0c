import { Emitter } from "../net/emitter.js";
import { capture, listDevices, permissions } from "./capture.js";
import { noTracks } from "./layout.js";
import { ScreenShare } from "./share.js";

/**
 * @typedef {import("./capture.js").Kind} Kind
 * @typedef {"mic" | "cam"} Device
 * @typedef {import("./layout.js").Slot} Slot
 *
 * @typedef {object} DeviceState
 * @property {boolean} on        what the person wants; kept over calls and device changes
 * @property {boolean} busy      the browser has been asked and has not answered
 * @property {string} id         chosen device, "" for the browser's default
 * @property {MediaStreamTrack | null} track
 * @property {unknown} error     why there is no track
 * @property {string} instead    name of the device that was taken because the one before it is gone
 * @property {boolean} held      the system keeps it silent or black: a phone call, a switch on the device
 *
 * @typedef {object} Lists
 * @property {MediaDeviceInfo[]} audio
 * @property {MediaDeviceInfo[]} video
 * @property {MediaDeviceInfo[]} output
 */

/** @type {Record<Device, Kind>} */
const KIND = { mic: "audio", cam: "video" };
/** @type {Device[]} */
const DEVICES = ["mic", "cam"];

/** @returns {DeviceState} */
const off = () => ({ on: false, busy: false, id: "", track: null, error: null, instead: "", held: false });

/**
 * This person's microphone, camera and shared screen. Muted, the microphone stays open so that
 * it is back at once; the camera is stopped, so that its light goes out.
 */
export class LocalMedia {
  /** @type {Record<Device, DeviceState>} */
  state = { mic: off(), cam: off() };
  /** @type {Lists} */
  lists = { audio: [], video: [], output: [] };

  screen = new ScreenShare();

  /** @type {Emitter<{change: void, track: Slot}>} */
  #events = new Emitter();
  #watching = false;
  /** How often all was ended: what the browser gives for a question from before that is for nobody. */
  #ended = 0;

  constructor() {
    this.screen.on("change", () => this.#changed());
    this.screen.on("track", (slot) => this.#events.emit("track", slot));
  }

  /**
   * @template {"change" | "track"} K
   * @param {K} name @param {(value: {change: void, track: Slot}[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** What is sent, by slot. */
  get tracks() {
    const { track: screen, audio: screenAudio } = this.screen.state;
    return { ...noTracks(), mic: this.state.mic.track, cam: this.state.cam.track, screen, screenAudio };
  }

  /** What the others are told: on means that something is really sent. */
  get shown() {
    const { mic, cam } = this.state;
    const { track, audio } = this.screen.state;
    return { mic: mic.on && mic.track !== null, cam: cam.on && cam.track !== null, screen: track !== null, screenAudio: audio !== null };
  }

  /**
   * Opens what is wanted and not open yet, in one question to the person.
   * @param {Partial<Record<Device, boolean>>} wanted
   */
  async open(wanted) {
    this.#watch();
    for (const device of DEVICES) {
      if (wanted[device] !== undefined) this.#set(device, { on: wanted[device] });
    }
    const missing = DEVICES.filter((device) => this.state[device].on && !this.state[device].track);
    await this.#acquire(missing);
  }

  /** Whether the browser would give both without asking. */
  async granted() {
    const { audio, video } = await permissions();
    return audio === "granted" && video === "granted";
  }

  /** @param {Device} device @param {boolean} on */
  async setOn(device, on) {
    const { track } = this.state[device];
    this.#set(device, { on, error: null, instead: "" });
    if (on && !track) return this.open({});
    if (device === "mic" && track) track.enabled = on;
    if (device === "cam" && !on) this.#drop("cam");
    this.#changed();
  }

  /**
   * Takes another device, the new one before the old one goes where that works.
   * @param {Device} device @param {string} id
   */
  async choose(device, id) {
    this.#set(device, { id, instead: "" });
    if (!this.state[device].track) return this.#changed();
    await this.#acquire([device]);
  }

  /** The other side of a phone. Its cameras work one at a time, so the old one goes first. */
  async flip() {
    const { track, on } = this.state.cam;
    const back = track?.getSettings().facingMode !== "environment";
    if (!on) return;
    this.#drop("cam");
    await this.choose("cam", back ? "environment" : "user");
    if (!this.state.cam.track) await this.#acquire(["cam"]);
  }

  /** The person has read which device took the place of another. @param {Device} device */
  forget(device) {
    this.#set(device, { instead: "" });
    this.#changed();
  }

  /** Back from a phone call or from the background: what the system took is asked for again. */
  async revive() {
    const ended = DEVICES.filter((device) => this.state[device].on && this.state[device].track?.readyState === "ended");
    for (const device of ended) this.#drop(device);
    if (ended.length) await this.#acquire(ended);
  }

  /** Ends all capture, also what the browser is still asked for; what the person wanted stays known. */
  stop() {
    this.#ended++;
    for (const device of DEVICES) {
      this.#drop(device);
      this.#set(device, { busy: false });
    }
    this.screen.stop();
    this.#changed();
  }

  async refreshLists() {
    this.lists = await listDevices();
    this.#changed();
  }

  /** @param {Device[]} devices @returns {Promise<unknown>} false: all was ended meanwhile */
  async #acquire(devices) {
    if (!devices.length) return this.#changed();
    const ended = this.#ended;
    for (const device of devices) this.#set(device, { busy: true, error: null });
    this.#changed();
    const ids = Object.fromEntries(devices.map((device) => [KIND[device], this.state[device].id]));
    const { tracks, errors } = await capture(ids);
    if (ended !== this.#ended) {
      for (const track of Object.values(tracks)) track.stop();
      return false;
    }
    for (const device of devices) this.#got(device, tracks[KIND[device]], errors[KIND[device]]);
    await this.refreshLists();
  }

  /** @param {Device} device @param {MediaStreamTrack | undefined} track @param {unknown} error */
  #got(device, track, error) {
    const state = this.state[device];
    this.#set(device, { busy: false });
    if (!track) return this.#set(device, { error });
    if (!state.on && device === "cam") return track.stop(); // switched off while the browser asked
    const old = state.track;
    track.enabled = device === "cam" || state.on;
    track.contentHint = device === "mic" ? "speech" : "motion";
    track.onended = () => void this.#lost(device, track);
    track.onmute = track.onunmute = () => {
      if (this.state[device].track !== track) return;
      this.#set(device, { held: track.muted });
      this.#changed();
    };
    this.#set(device, { track, held: false });
    this.#events.emit("track", device);
    if (old) stopTrack(old);
  }

  /**
   * Unplugged, or taken away by the system: any other one will do.
   * @param {Device} device @param {MediaStreamTrack} track
   */
  async #lost(device, track) {
    if (this.state[device].track !== track) return;
    this.#drop(device);
    this.#set(device, { id: "" });
    if ((await this.#acquire([device])) === false) return;
    const { track: other, on } = this.state[device];
    if (other) this.#set(device, { instead: other.label || " " });
    else if (on) this.#set(device, { error: new DOMException("", "Ended") });
    this.#changed();
  }

  /** @param {Device} device */
  #drop(device) {
    const { track } = this.state[device];
    if (!track) return;
    stopTrack(track);
    this.#set(device, { track: null });
    this.#events.emit("track", device);
  }

  #watch() {
    if (this.#watching) return;
    this.#watching = true;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.refreshLists());
  }

  /** @param {Device} device @param {Partial<DeviceState>} change */
  #set(device, change) {
    this.state = { ...this.state, [device]: { ...this.state[device], ...change } };
  }

  #changed() {
    this.#events.emit("change", undefined);
  }
}

/** @param {MediaStreamTrack} track */
function stopTrack(track) {
  track.onended = track.onmute = track.onunmute = null;
  track.stop();
}
