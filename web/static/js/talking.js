import { folderName, forget, storedSink, sweep } from "./files/choose.js";
import { Files } from "./files/files.js";
import { tabMemory } from "./files/memory.js";
import { Chat } from "./chat/chat.js";

/**
 * @typedef {import("./talk.js").Talk} Talk
 * @typedef {import("./files/files.js").Row} Row
 */

/** Steps of a transfer that are said aloud, as shares. */
const STEPS = 4;
/** Words of a message that are read to who has the panel closed. */
const SPOKEN = 120;

/**
 * Starts text and files for one call.
 * @param {Talk} talk @param {import("./rtc/call.js").Call} call
 * @returns {() => void} ends them
 */
export function begin(talk, call) {
  const { store, announce } = talk.o;
  const { you } = store.state;
  const self = { peer: you?.peer ?? "", name: you?.name ?? "" };
  const chat = new Chat({ call, self });
  const files = new Files({
    call, room: () => call.o.room ?? "", memory: tabMemory(), folder: folderName,
    stored: (folder) => storedSink(folder, false), video: () => store.state.devices.cam.on,
  });
  Object.assign(talk, { chat, files });
  chat.on("change", () => talk.store.set({ entries: chat.entries }));
  chat.on("message", ({ name, text }) => {
    if (talk.store.state.open) return; // the log reads it out by itself
    talk.store.set({ unread: talk.store.state.unread + 1 });
    announce({ key: "chat.said", values: { name, text: text.slice(0, SPOKEN) } });
  });
  files.on("offered", (row) => {
    announce({ key: "file.offered", values: { name: row.name, who: row.who } });
    talk.store.set({ asked: talk.store.state.asked || row.key });
  });
  const tell = progress(announce);
  files.on("change", () => {
    const { rows } = files;
    tell(rows);
    talk.store.set({ rows });
  });
  talk.store.set({ rows: files.rows });
  void sweep().catch(() => {}); // what cannot be swept is swept another day
  const guard = (/** @type {BeforeUnloadEvent} */ event) => files.busy && event.preventDefault();
  addEventListener("beforeunload", guard);
  return () => {
    removeEventListener("beforeunload", guard);
    chat.close();
    files.close();
  };
}

/**
 * Says aloud how transfers do: each quarter, and how they end.
 * @param {(text: import("./state.js").Text) => void} announce
 */
function progress(announce) {
  /** @type {Map<string, string>} */
  const told = new Map();
  return (/** @type {Row[]} */ rows) => {
    for (const { key, name, done, size, state } of rows) {
      const step = size ? Math.floor((done / size) * STEPS) : STEPS;
      const word = state === "receiving" || state === "sending" ? `step ${step}` : state;
      const before = told.get(key);
      told.set(key, word);
      if (before === undefined || before === word) continue;
      if (word.startsWith("step") && step > 0 && step < STEPS) announce({ key: "file.progress", values: { name, n: (step * 100) / STEPS } });
      if (state === "done" || state === "failed" || state === "cancelled" || state === "declined") announce({ key: `file.told.${state}`, values: { name } });
    }
  };
}

/** The browser may still be copying a large file to the downloads, and does not say when it is done. */
const COPY_MS = 10 * 60_000;

/** Removes what a transfer has left behind. @param {Talk} talk @param {string} key */
export function dismiss(talk, key) {
  const done = talk.files?.rows.some((row) => row.key === key && row.state === "done");
  const folder = talk.files?.dismiss(key);
  if (folder) setTimeout(() => void forget(folder).catch(() => {}), done ? COPY_MS : 0); // else the sweep takes it
}
