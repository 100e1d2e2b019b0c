import { VoiceWatch } from "../rtc/voice.js";
import { meter } from "../rtc/level.js";
import { useEffect, useRef, useState } from "./html.js";

/**
 * What a page does while it is inside a call, beside showing it.
 *
 * @typedef {import("../app.js").App} App
 * @typedef {import("../state.js").State} State
 */

/** The screen stays on. A browser that refuses (no power, no right) is not asked again until one comes back. */
export function useWakeLock() {
  useEffect(() => {
    /** @type {WakeLockSentinel | null} */
    let lock = null;
    let over = false;
    const ask = async () => {
      if (document.visibilityState !== "visible") return;
      lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
      if (over) void lock?.release();
    };
    void ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", ask);
      void lock?.release().catch(() => {});
    };
  }, []);
}

/**
 * The buttons of a headset, of the keyboard and of the browser's own picture in picture.
 * @param {App} app @param {State} state @param {() => void} pip
 */
export function useMediaSession(app, { devices }, pip) {
  const now = useRef({ devices, pip });
  now.current = { devices, pip };
  useEffect(() => {
    const session = /** @type {any} */ (navigator).mediaSession;
    /** @type {Record<string, () => void>} */
    const actions = {
      togglemicrophone: () => void app.setDevice("mic", !now.current.devices.mic.on),
      togglecamera: () => void app.setDevice("cam", !now.current.devices.cam.on),
      hangup: () => app.calls.leave(),
      enterpictureinpicture: () => now.current.pip(),
    };
    for (const [name, fn] of Object.entries(actions)) handle(session, name, fn);
    return () => Object.keys(actions).forEach((name) => handle(session, name, null));
  }, []);
  useEffect(() => {
    const session = /** @type {any} */ (navigator).mediaSession;
    void session?.setMicrophoneActive?.(devices.mic.on)?.catch?.(() => {});
    void session?.setCameraActive?.(devices.cam.on)?.catch?.(() => {});
  }, [devices.mic.on, devices.cam.on]);
}

/** @param {any} session @param {string} name @param {(() => void) | null} fn */
function handle(session, name, fn) {
  try {
    session?.setActionHandler(name, fn);
  } catch {
    // This browser has no such button.
  }
}

/** How often sizes are looked at: windows and layouts change in many ways, and a second's delay costs little. */
const SIZES_MS = 1_000;
/** A tab that is hidden for a moment only keeps its pictures. */
const HIDDEN_MS = 3_000;

/**
 * Tells every member how large it is shown, so that it sends that and no more.
 * @param {App} app @param {State} state @param {Window | null} pip  the window of picture in picture
 */
export function useSizes(app, state, pip) {
  const hidden = useRef(0);
  useEffect(() => {
    const look = () => {
      hidden.current = document.visibilityState === "hidden" ? hidden.current || Date.now() : 0;
      const away = hidden.current > 0 && Date.now() - hidden.current > HIDDEN_MS;
      const pages = [...(away ? [] : [window]), ...(pip ? [pip] : [])];
      const native = document.pictureInPictureElement instanceof HTMLVideoElement ? [document.pictureInPictureElement] : [];
      for (const view of app.o.store.state.call?.members ?? []) app.calls.live?.show(view.id, shownOf(view, pages, native));
    };
    look();
    const timer = setInterval(look, SIZES_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [pip, state.prefs.dataUse, state.call?.members.length]);
}

/** Asked for ahead of need, so that a picture is there as soon as it is switched on; its tile then tells its size. */
const AHEAD = { cam: 360, screen: 1080 };
/** A browser's own picture in picture does not tell its size: it is a small window. */
const NATIVE_PIP = 360;
/** A screen at its actual size: all that there is of it. */
const WHOLE = 2160;

/**
 * @param {import("../rtc/member.js").View} view @param {Window[]} pages @param {HTMLVideoElement[]} native
 * @returns {import("../rtc/want.js").Want}
 */
function shownOf({ id, state }, pages, native) {
  const ahead = (/** @type {"cam" | "screen"} */ slot) => (pages.length && !state[slot] ? AHEAD[slot] : 0);
  const want = { cam: ahead("cam"), screen: ahead("screen") };
  for (const page of pages) {
    for (const video of /** @type {NodeListOf<HTMLVideoElement>} */ (page.document.querySelectorAll("video[data-of]"))) add(video, lines(video, page.devicePixelRatio));
  }
  for (const video of native) add(video, NATIVE_PIP);
  return want;

  /** @param {HTMLVideoElement} video @param {number} h */
  function add(video, h) {
    const slot = /** @type {"cam" | "screen"} */ (video.dataset.slot);
    if (video.dataset.of === id && slot in want) want[slot] = Math.max(want[slot], h);
  }
}

/** @param {HTMLVideoElement} video @param {number} ratio @returns {number} lines of the picture that fill its frame */
function lines(video, ratio) {
  if (video.closest(".tile-actual")) return WHOLE;
  const { clientWidth: w, clientHeight: h } = video;
  const shape = video.videoWidth / video.videoHeight || 16 / 9;
  const covers = getComputedStyle(video).objectFit === "cover";
  return Math.round((covers ? Math.max(h, w / shape) : Math.min(h, w / shape)) * Math.min(ratio, 2));
}

/**
 * Hears whether the microphone gives anything, and whether one speaks while muted.
 * @param {import("../rtc/devices.js").DeviceState} mic
 * @returns {[import("../rtc/voice.js").Warning, () => void]} what to tell, and how to put it away
 */
export function useVoice(mic) {
  const [warning, setWarning] = useState(/** @type {import("../rtc/voice.js").Warning} */ (""));
  const on = useRef(mic.on);
  on.current = mic.on;
  useEffect(() => {
    setWarning("");
    if (!mic.track) return;
    // A copy hears what the muted one does not send.
    const ear = mic.track.clone();
    ear.enabled = true;
    const watch = new VoiceWatch();
    const end = meter(ear, (_, db) => {
      const heard = watch.add(performance.now(), db, on.current);
      if (heard) setWarning(heard);
    });
    return () => {
      end();
      ear.stop();
    };
  }, [mic.track]);
  useEffect(() => setWarning((was) => (was === "muted" && mic.on ? "" : was)), [mic.on]);
  return [warning, () => setWarning("")];
}

/** A sign stays on a tile for so long. */
const SIGN_MS = 5_000;

/**
 * Signs such as a thumb up, by the id of who gives them; "" is oneself.
 * @param {App} app @param {readonly string[]} known  only these are shown
 * @returns {[Record<string, string>, (sign: string) => void]}
 */
export function useSigns(app, known) {
  const [signs, setSigns] = useState(/** @type {Record<string, string>} */ ({}));
  const timers = useRef(/** @type {Record<string, any>} */ ({}));
  const show = (/** @type {string} */ id, /** @type {unknown} */ sign) => {
    if (typeof sign !== "string" || !known.includes(sign)) return;
    clearTimeout(timers.current[id]);
    setSigns((all) => ({ ...all, [id]: sign }));
    timers.current[id] = setTimeout(() => setSigns(({ [id]: _, ...rest }) => rest), SIGN_MS);
  };
  useEffect(() => {
    const off = app.calls.live?.onMessage("react", (message, id) => show(id, message.e));
    return () => {
      off?.();
      Object.values(timers.current).forEach(clearTimeout);
    };
  }, []);
  return [signs, (sign) => {
    app.calls.live?.react(sign);
    show("", sign);
  }];
}
