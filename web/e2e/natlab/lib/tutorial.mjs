/**
 * The way in which tutorials set up a call, with our server: join, then ask for ICE servers, then gather all
 * addresses, then offer; the other side gathers all of its own and answers. `#trickle` sends addresses as they are
 * found instead. Served to the page under the server's own origin.
 */
export const PAGE = `<!doctype html><meta charset="utf-8"><title>Tutorial</title><body>
<button id="join" disabled>Join</button><div id="people"></div>
<script type="module">
const trickle = location.hash === "#trickle";
const { name, room } = Object.fromEntries(new URLSearchParams(location.search));
await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name }) });
const local = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws", ["parley.v1"]);
let [id, pc, config, me] = [0];
const send = (t, fields) => socket.send(JSON.stringify({ t, id: ++id, room, ...fields }));
const fetchIce = async () => (config = await (await fetch("/ice-config")).json());
const gathered = (pc) => trickle || new Promise((done) => {
  const look = () => pc.iceGatheringState === "complete" && done();
  pc.addEventListener("icegatheringstatechange", look);
  look();
});

function connect(to) {
  pc = new RTCPeerConnection(config);
  for (const track of local.getTracks()) pc.addTrack(track, local);
  if (trickle) pc.onicecandidate = ({ candidate }) => candidate && send("signal", { to, data: { candidate } });
  people.textContent = "in a call";
  return pc;
}

async function describe(to, description) {
  await pc.setLocalDescription(description);
  await gathered(pc);
  send("signal", { to, data: { description: pc.localDescription } });
}

const handlers = {
  welcome: ({ you }) => ((me = you.peer), (join.disabled = false)),
  async ok({ room }) {
    if (!room) return;
    await fetchIce();
    const other = room.peers.find(({ peer }) => peer !== me);
    if (!other) return void (people.textContent = "alone");
    connect(other.peer);
    await describe(other.peer, await pc.createOffer());
  },
  async signal({ from, data: { description, candidate } }) {
    if (candidate) return pc.addIceCandidate(candidate);
    if (description.type === "offer") connect(from);
    await pc.setRemoteDescription(description);
    if (description.type === "offer") await describe(from, await pc.createAnswer());
  },
  "room.peer"({ ev }) {
    if (ev !== "leave") return;
    pc?.close();
    people.textContent = "alone";
  },
};
// One after the other, as a candidate must not overtake its description.
let queue = Promise.resolve();
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  queue = queue.then(() => handlers[frame.t]?.(frame));
};
socket.onopen = () => socket.send(JSON.stringify({ t: "hello", v: [1], key }));
join.onclick = () => send("room.join", { create: true });
addEventListener("pagehide", () => send("room.leave"));
</script>`;
