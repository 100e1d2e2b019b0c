import { Emitter } from "../net/emitter.js";
import { capture, listDevices, permissions } from "./capture.js";
import { noTracks } from "./layout.js";

/**
 * @typedef {import("./capture.js").Kind} Kind
 * @typedef {"mic" | "cam"} Device
 *
 * @typedef {object} DeviceState
 * @property {boolean} on        what the person wants; kept over calls and device changes
 * @property {boolean} busy      the browser has been asked and has not answered
 * @property {string} id         chosen device, "" for the browser's default
 * @property {MediaStreamTrack | null} track
 * @property {unknown} error     why there is no track
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
const off = () => ({ on: false, busy: false, id: "", track: null, error: null });

/**
 * This person's microphone and camera. Muted, the microphone stays open so that
 * it is back at once; the camera is stopped, so that its light goes out.
 */
export class LocalMedia {
  /** @type {Record<Device, DeviceState>} */
  state = { mic: off(), cam: off() };
  /** @type {Lists} */
  lists = { audio: [], video: [], output: [] };

  /** @type {Emitter<{change: void, track: Device}>} */
  #events = new Emitter();
  #watching = false;

  /**
   * @template {"change" | "track"} K
   * @param {K} name @param {(value: {change: void, track: Device}[K]) => void} fn
   */
  on(name, fn) {
    return this.#events.on(name, fn);
  }

  /** What is sent, by slot. */
  get tracks() {
    return { ...noTracks(), mic: this.state.mic.track, cam: this.state.cam.track };
  }

  /** What the others are told: on means that something is really sent. */
  get shown() {
    const { mic, cam } = this.state;
    return { mic: mic.on && mic.track !== null, cam: cam.on && cam.track !== null, screen: false, screenAudio: false };
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
    this.#set(device, { on, error: null });
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
    this.#set(device, { id });
    if (!this.state[device].track) return this.#changed();
    await this.#acquire([device]);
  }

  /** Ends all capture; what the person wanted stays known. */
  stop() {
    for (const device of DEVICES) this.#drop(device);
    this.#changed();
  }

  async refreshLists() {
    this.lists = await listDevices();
    this.#changed();
  }

  /** @param {Device[]} devices */
  async #acquire(devices) {
    if (!devices.length) return this.#changed();
    for (const device of devices) this.#set(device, { busy: true, error: null });
    this.#changed();
    const ids = Object.fromEntries(devices.map((device) => [KIND[device], this.state[device].id]));
    const { tracks, errors } = await capture(ids);
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
    track.onended = () => this.#lost(device, track);
    this.#set(device, { track });
    this.#events.emit("track", device);
    if (old) stopTrack(old);
  }

  /** Unplugged, or taken away by the system. @param {Device} device @param {MediaStreamTrack} track */
  #lost(device, track) {
    if (this.state[device].track !== track) return;
    this.#drop(device);
    this.#set(device, { id: "", error: new DOMException("", "Ended") });
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
  track.onended = null;
  track.stop();
}
