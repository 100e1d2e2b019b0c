// A whole client of parley.v1 in one file: hello, room.join, one connection for each person, forwarded signals.
const $ = (id) => document.getElementById(id);
const hex = (n) => Array.from(crypto.getRandomValues(new Uint8Array(n)), (b) => b.toString(16).padStart(2, "0")).join("");
const links = new Map(); // peer id -> {pc, id, queue}
let socket, me, ice, media, room, lastId = 0;

const send = (frame) => socket.send(JSON.stringify({ ...frame, id: ++lastId }));

function link(peer) {
  const known = links.get(peer);
  if (known) return known;
  const pc = new RTCPeerConnection(ice);
  const made = { pc, id: hex(4), queue: Promise.resolve() };
  const signal = (data) => send({ t: "signal", room, to: peer, data: { pc: made.id, ...data } });
  pc.onicecandidate = ({ candidate }) => signal(candidate ? { candidates: [candidate] } : { candidate: null });
  pc.ontrack = ({ track }) => track.kind === "video" && show(peer, pc);
  pc.onnegotiationneeded = async () => {
    if (me < peer && !pc.remoteDescription) return; // the greater id makes the first offer
    await pc.setLocalDescription();
    signal({ description: pc.localDescription });
  };
  made.take = async ({ description, candidates = [] }) => {
    if (description?.type === "offer" && pc.signalingState !== "stable" && me > peer) return; // ours stands
    if (description) await pc.setRemoteDescription(description);
    if (description?.type === "offer") {
      attach(pc);
      await pc.setLocalDescription();
      signal({ description: pc.localDescription });
    }
    for (const candidate of candidates) await pc.addIceCandidate(candidate);
  };
  if (me > peer) attach(pc);
  links.set(peer, made);
  return made;
}

function attach(pc) {
  for (const track of media?.getTracks() ?? []) if (!pc.getSenders().some((s) => s.track === track)) pc.addTrack(track, media);
  if (!pc.getTransceivers().length) for (const kind of ["audio", "video"]) pc.addTransceiver(kind);
}

function show(peer, pc) {
  const video = $(peer) ?? Object.assign(document.createElement("video"), { id: peer, autoplay: true, playsInline: true, width: 320 });
  const kinds = ["audio", "video"].map((kind) => pc.getReceivers().find((r) => r.track.kind === kind)?.track);
  video.srcObject = new MediaStream(kinds.filter(Boolean));
  $("videos").append(video);
}

function drop(peer) {
  links.get(peer)?.pc.close();
  links.delete(peer);
  $(peer)?.remove();
}

const handlers = {
  welcome({ you, ice: servers }) {
    [me, ice] = [you.peer, { iceServers: servers.iceServers, iceTransportPolicy: servers.iceTransportPolicy }];
    send({ t: "room.join", room, create: true, media: { audio: !!media, video: !!media } });
  },
  ok({ room: joined }) {
    for (const { peer } of joined?.peers ?? []) if (peer !== me) link(peer);
    $("status").textContent = `In ${room} as ${me}`;
  },
  signal({ from, data }) {
    const { take, queue } = link(from);
    links.get(from).queue = queue.then(() => take(data)).catch((error) => console.warn(error.message));
  },
  "room.peer"({ ev, peer }) {
    if (ev === "leave") drop(peer.peer);
    if (ev === "join" && peer.peer !== me) link(peer.peer);
  },
  error({ message }) {
    $("status").textContent = message;
  },
};

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const { name, room: wanted } = Object.fromEntries(new FormData($("form")));
  room = wanted;
  media = await navigator.mediaDevices?.getUserMedia({ audio: true, video: true }).catch(() => null);
  socket = new WebSocket(location.origin.replace("http", "ws") + "/ws", "parley.v1");
  socket.onopen = () => socket.send(JSON.stringify({ t: "hello", v: [1], key: hex(16), name, token: null }));
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    handlers[frame.t]?.(frame);
  };
};
