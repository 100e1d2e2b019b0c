import { MAX_RAM, opfsSink, pickerSink, ramSink } from "./sink.js";

/** The part of private storage that is ours. */
const ROOT = "files";
const DAY_MS = 24 * 60 * 60 * 1000;

/** A file has no place here; the code says why: "space", "large". */
export class NoPlace extends Error {
  /** @param {"space" | "large"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** @returns {boolean} whether the page may write into private storage: older Safari may only read */
const hasOpfs = () =>
  typeof navigator.storage?.getDirectory === "function" && "createWritable" in (globalThis.FileSystemFileHandle?.prototype ?? {});

/** The folder of one transfer; its name begins with the day, for the sweep. @param {string} id */
export const folderName = (id) => `${Math.floor(Date.now() / DAY_MS)}-${id}`;

const root = async () => (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });

/** @param {string} folder @param {boolean} create @returns {Promise<import("./sink.js").Sink>} */
export const storedSink = async (folder, create) => opfsSink(await (await root()).getDirectoryHandle(folder, { create }));

/** @param {string} folder */
export async function forget(folder) {
  if (hasOpfs()) await (await root()).removeEntry(folder, { recursive: true }).catch(() => {});
}

/** Removes what earlier days have left. */
export async function sweep() {
  if (!hasOpfs()) return;
  const today = Math.floor(Date.now() / DAY_MS);
  const folder = await root();
  for await (const name of /** @type {any} */ (folder).keys()) {
    if (!(parseInt(name, 10) >= today - 1)) await folder.removeEntry(name, { recursive: true }).catch(() => {});
  }
}

/**
 * The best place for a file; must be called right after a touch, since the
 * browser may ask where to.
 * @param {{name: string, size: number}} facts @param {string} folder
 * @param {boolean} [many]   it is one of several: each goes to the downloads, and none is asked about
 * @returns {Promise<import("./sink.js").Sink | null>} null: the person closed the question
 */
export async function chooseSink({ name, size }, folder, many = false) {
  const ask = many ? null : /** @type {any} */ (globalThis).showSaveFilePicker;
  if (ask) {
    try {
      return await pickerSink(await ask({ suggestedName: name }));
    } catch (error) {
      if (/** @type {Error} */ (error).name === "AbortError") return null;
    }
  }
  if (hasOpfs()) {
    const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
    if (quota - usage < size) throw new NoPlace("space");
    return storedSink(folder, true);
  }
  if (size > MAX_RAM) throw new NoPlace("large");
  return ramSink();
}
