import { connect } from "./parley.js";

const element = (id) => document.getElementById(id);
const form = element("form");
let parley;

/** One figure for each person: a picture with sound, and a name below. */
function show({ id, name, stream }) {
  let figure = element(id);
  if (!figure) {
    figure = Object.assign(document.createElement("figure"), { id });
    const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true, muted: id === "me" });
    figure.append(video, document.createElement("figcaption"));
    element("people").append(figure);
  }
  const [video, caption] = figure.children;
  if (video.srcObject !== stream) video.srcObject = stream;
  video.ariaLabel = caption.textContent = name;
}

function over(text) {
  parley?.close();
  element("people").replaceChildren();
  form.fields.disabled = false;
  element("leave").disabled = true;
  element("status").textContent = text;
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const { name, room: wanted } = Object.fromEntries(new FormData(form));
  form.fields.disabled = true;
  try {
    parley = await connect({ name });
    const room = await parley.join(wanted);
    room.on("local", (stream) => show({ id: "me", name: "You", stream }));
    room.on("member", show);
    room.on("left", ({ id }) => element(id)?.remove());
    room.on("ended", (end) => over(end.message));
    show({ id: "me", name: "You", stream: room.stream });
    element("leave").disabled = false;
    element("status").textContent = `You are in ${room.name}.`;
  } catch (error) {
    over(error.message);
  }
};
element("leave").onclick = () => over("You have left.");
