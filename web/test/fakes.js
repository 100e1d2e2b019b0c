/** A WebSocket that a test holds the other end of. */
export class FakeSocket {
  /** @type {FakeSocket[]} every socket made since the last reset, oldest first */
  static made = [];
  static reset() {
    FakeSocket.made = [];
  }
  static get latest() {
    return FakeSocket.made.at(-1);
  }

  readyState = 0;
  sent = [];
  closed = false;
  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeSocket.made.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
    this.readyState = 3;
  }
  /** The server's side. */
  accept() {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }
  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
    return this;
  }
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
  of(type) {
    return this.sent.filter((frame) => frame.t === type);
  }
}

export const WELCOME = {
  t: "welcome", v: 1, resumed: false, last_id: 0, epoch: "e1", build: "b1", ping_ms: 15000, grace_ms: 60000,
  you: { peer: "p_b", user: "g_1", name: "Ann", guest: true, roles: [], relay: true, room: null },
  ice: { iceServers: [], iceTransportPolicy: "all", ttl: 60, expiresAt: "" },
  limits: { room_max: 6, msg_bytes: 65536, ring_ms: 1, offer_ttl_ms: 1 }, features: [], rooms: [],
};

/** Lets all promises that can settle do so. */
export const settle = () => new Promise((done) => setImmediate(done));

/** A data channel whose other end a test plays. */
class FakeChannel {
  readyState = "connecting";
  sent = [];
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = "closed";
  }
}

/** Both channels of a connection open, as they do once it stands. @param {FakeConnection} pc */
export function openChannels(pc) {
  for (const channel of Object.values(pc.channels)) channel.readyState = "open";
  for (const channel of Object.values(pc.channels)) channel.onopen?.();
}

/** As much of RTCPeerConnection as negotiation needs, with the state machine of the real one. */
export class FakeConnection {
  static made = [];
  /** What every description says beside its number. */
  static sdp = "";
  signalingState = "stable";
  connectionState = "new";
  localDescription = null;
  remoteDescription = null;
  added = [];
  transceivers = [];
  channels = {};
  restarts = 0;
  closed = false;
  #offers = 0;
  constructor(config) {
    this.config = config;
    FakeConnection.made.push(this);
  }
  createDataChannel(label, init) {
    return (this.channels[label] = Object.assign(new FakeChannel(), { label, ...init }));
  }
  addTransceiver(trackOrKind, init) {
    this.transceivers.push(transceiver(trackOrKind, init.direction));
    if (this.transceivers.length === 1) queueMicrotask(() => this.onnegotiationneeded?.());
  }
  getTransceivers() {
    return this.transceivers;
  }
  setConfiguration(config) {
    this.config = config;
  }
  restartIce() {
    this.restarts++;
    queueMicrotask(() => this.onnegotiationneeded?.());
  }
  async setLocalDescription() {
    const answer = this.signalingState === "have-remote-offer";
    this.signalingState = answer ? "stable" : "have-local-offer";
    this.localDescription = { type: answer ? "answer" : "offer", sdp: `${answer ? "answer" : "offer"} ${++this.#offers}${FakeConnection.sdp}` };
    this.iceGatheringState = "complete";
    this.onicegatheringstatechange?.();
  }
  async setRemoteDescription(description) {
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("InvalidStateError");
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    if (description.type === "offer" && !this.transceivers.length) {
      for (const kind of ["audio", "video", "video", "audio"]) this.transceivers.push(transceiver(kind, "recvonly"));
    }
  }
  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw new Error("InvalidStateError: no remote description");
    this.added.push(candidate ?? null);
  }
  close() {
    this.closed = true;
  }
  find(candidate) {
    this.onicecandidate?.({ candidate: candidate && { candidate, toJSON: () => ({ candidate }) } });
  }
}

function transceiver(trackOrKind, direction) {
  const track = typeof trackOrKind === "string" ? null : trackOrKind;
  return {
    direction,
    codecs: [],
    setCodecPreferences(codecs) {
      this.codecs = codecs.map(({ mimeType }) => mimeType);
    },
    sender: {
      track,
      encodings: [{}],
      setStreams() {},
      async replaceTrack(next) { this.track = next; },
      getParameters() { return { encodings: this.encodings.map((e) => ({ ...e })) }; },
      async setParameters({ encodings }) { this.encodings = encodings; },
    },
    receiver: { track: { kind: track?.kind ?? trackOrKind } },
  };
}

globalThis.MediaStream ??= class {};
