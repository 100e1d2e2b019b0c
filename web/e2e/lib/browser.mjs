import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];

export const SIZES = {
  laptop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

export const SETTINGS = { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS };

/**
 * @param {import("playwright-core").LaunchOptions} [settings]  beside the usual ones
 * @returns {Promise<import("playwright-core").Browser>}
 */
export const launch = (settings) => chromium.launch({ ...SETTINGS, ...settings });

/** A second browser whose processes can be stopped as one, like a machine that sleeps. */
export async function launchApart() {
  const started = await chromium.launchServer(SETTINGS);
  const group = -started.process().pid; // playwright gives each browser a process group of its own
  return {
    browser: await chromium.connect(started.wsEndpoint()),
    freeze: () => process.kill(group, "SIGSTOP"),
    thaw: () => process.kill(group, "SIGCONT"),
    close: () => started.close(),
  };
}

/**
 * Runs in the page before its own code: keeps every connection for the tests
 * to look at, asks for small pictures to spare the machine, and may narrow
 * what a connection gets.
 * @param {{transport?: "udp" | "tcp", noDevices?: boolean, camera?: MediaTrackConstraints}} options
 */
function instrument({ transport, noDevices, camera = { width: 640, height: 360, frameRate: 20 } }) {
  window.connections = [];
  window.captured = [];
  const Native = window.RTCPeerConnection;
  const narrow = (config) => {
    if (!transport) return config;
    const iceServers = config.iceServers
      .map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => url.startsWith("turn") && url.endsWith(`?transport=${transport}`)) }))
      .filter((server) => server.urls.length);
    return { ...config, iceServers };
  };
  window.RTCPeerConnection = class extends Native {
    constructor(config) {
      super(narrow(config));
    }
    /** Connections of calls; those that only test something have other channels. */
    createDataChannel(label, ...more) {
      if (label === "ctl") window.connections.push(this);
      return super.createDataChannel(label, ...more);
    }
    setConfiguration(config) {
      super.setConfiguration(narrow(config));
    }
    close() {
      // Made ahead and given up before anybody heard of it: none that the tests are about.
      if (!this.remoteDescription) window.connections = window.connections.filter((other) => other !== this);
      super.close();
    }
  };
  const devices = navigator.mediaDevices;
  const nativeAsk = devices.getUserMedia.bind(devices);
  const keep = (stream) => {
    window.captured.push(...stream.getTracks());
    return stream;
  };
  const missing = () => Promise.reject(new DOMException("Requested device not found", "NotFoundError"));
  devices.getUserMedia = noDevices
    ? missing
    : (wanted) => {
        // The fake beep is eaten by echo and noise processing; sound must be measurable.
        const audio = wanted.audio && { ...wanted.audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
        const video = wanted.video && { ...wanted.video, ...camera };
        return nativeAsk({ ...(audio && { audio }), ...(video && { video }) }).then(keep);
      };
  if (noDevices) devices.enumerateDevices = async () => [];
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
  });
}

/**
 * One person: a context of its own with one page. What must never happen is
 * collected in `faults`.
 * @param {import("playwright-core").Browser} browser
 * @param {string | string[]} origin  the only one, or ones, that may be asked for anything
 * @param {{transport?: "udp" | "tcp", noDevices?: boolean, camera?: MediaTrackConstraints, context?: object, before?: () => void}} [options]
 *   before: also runs before the page's own code, after the instruments
 */
export async function person(browser, origin, { context: settings = SIZES.laptop, before, ...options } = {}) {
  const context = await browser.newContext({ locale: "en-GB", ...settings });
  await context.addInitScript(instrument, options);
  if (before) await context.addInitScript(before);
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  const hosts = [origin].flat().map((url) => new URL(url).host);
  const check = (url) => {
    const { protocol, host } = new URL(url);
    if (protocol !== "data:" && protocol !== "blob:" && !hosts.includes(host)) faults.push(`foreign request: ${url}`);
  };
  context.on("request", (request) => check(request.url()));
  page.on("websocket", (socket) => check(socket.url()));
  return Object.assign(page, { faults });
}

/** @param {{faults: string[]}[]} pages */
export function assertNoFaults(...pages) {
  assert.deepEqual(pages.flatMap((page) => page.faults), []);
}
