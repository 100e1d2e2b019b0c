/** Runs in the page before its own code: writes down when each step of setting up a call was done, in Unix milliseconds. */
export function instrument() {
  window.marks = [];
  const mark = (what) => window.marks.push([performance.timeOrigin + performance.now(), what]);
  const kindOf = (data) => (data?.description ? data.description.type : data?.candidates || data?.candidate !== undefined ? "candidates" : "");

  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        const { t, data: signal } = JSON.parse(data);
        mark(`← ${t} ${kindOf(signal)}`);
      });
    }
    send(text) {
      const { t, data } = JSON.parse(text);
      mark(`→ ${t} ${kindOf(data)}`);
      super.send(text);
    }
  };

  const nativeFetch = window.fetch;
  window.fetch = async (...args) => {
    const answer = await nativeFetch(...args);
    mark(`fetched ${new URL(args[0], location).pathname}`);
    return answer;
  };

  const first = new Set();
  const once = (what) => first.has(what) || (first.add(what), mark(what));
  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    constructor(...args) {
      super(...args);
      first.clear();
      mark("connection made");
      this.addEventListener("icecandidate", ({ candidate }) => candidate?.type && once(`first ${candidate.type} address`));
      this.addEventListener("icegatheringstatechange", () => mark(`gathering ${this.iceGatheringState}`));
      this.addEventListener("iceconnectionstatechange", () => mark(`ice ${this.iceConnectionState}`));
      this.addEventListener("connectionstatechange", () => mark(`connection ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => {
        if (track.kind !== "video") return;
        const video = Object.assign(document.createElement("video"), { muted: true, srcObject: new MediaStream([track]) });
        video.requestVideoFrameCallback(() => once("first frame"));
        void video.play().catch(() => {});
      });
    }
  };
}
