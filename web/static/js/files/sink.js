/**
 * Where a received file goes, best first: a file of the person's choice, the
 * browser's private storage (which survives a reload), memory.
 *
 * @typedef {object} Sink
 * @property {"picker" | "opfs" | "ram"} kind
 * @property {number} size                                     bytes that are kept for sure
 * @property {(bytes: Uint8Array<ArrayBuffer>) => Promise<void>} write     appends
 * @property {(size: number) => Promise<number>} cut           forgets all past `size`; gives how much is left, which may be less
 * @property {((from: number, to: number) => Promise<ArrayBuffer>) | null} read   null: it cannot be read back
 * @property {() => Promise<Blob | null>} finish               what is to be downloaded; null when it is where it belongs
 * @property {() => Promise<void>} discard
 */

/** Memory is for small files. */
export const MAX_RAM = 64 * 1024 * 1024;
/** Private storage is filled file by file, since a file counts only when it is closed: this much is lost at most by a reload. */
export const SEGMENT = 8 * 1024 * 1024;

/** @returns {Sink} */
export function ramSink() {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  let parts = [];
  return {
    kind: "ram",
    get size() {
      return parts.reduce((sum, part) => sum + part.byteLength, 0);
    },
    async write(bytes) {
      parts.push(bytes.slice());
    },
    async cut(size) {
      const kept = await new Blob(parts).slice(0, size).arrayBuffer();
      parts = kept.byteLength ? [new Uint8Array(kept)] : [];
      return kept.byteLength;
    },
    read: (from, to) => new Blob(parts).slice(from, to).arrayBuffer(),
    finish: async () => new Blob(parts),
    async discard() {
      parts = [];
    },
  };
}

/** @param {FileSystemFileHandle} handle  a file that the person chose @returns {Promise<Sink>} */
export async function pickerSink(handle) {
  const stream = await handle.createWritable();
  let size = 0;
  return {
    kind: "picker",
    get size() {
      return size;
    },
    async write(bytes) {
      await stream.write({ type: "write", position: size, data: bytes });
      size += bytes.byteLength;
    },
    async cut(to) {
      await stream.truncate(to);
      return (size = Math.min(size, to));
    },
    read: null,
    async finish() {
      await stream.close();
      return null;
    },
    discard: () => stream.abort(),
  };
}

/**
 * @param {FileSystemDirectoryHandle} folder  of this one file
 * @returns {Promise<Sink>} with what it holds from before
 */
export async function opfsSink(folder) {
  /** @type {File[]} whole segments, and at the end one that may be shorter */
  const done = [];
  for (;;) {
    const file = await fileOf(folder, String(done.length));
    if (!file?.size) break;
    done.push(file);
    if (file.size < SEGMENT) break;
  }
  /** @type {FileSystemWritableFileStream | null} */
  let stream = null;
  let inside = 0;
  const closed = () => done.reduce((sum, file) => sum + file.size, 0);
  /** Makes the open segment count. */
  const seal = async () => {
    if (!stream) return;
    await stream.close();
    stream = null;
    inside = 0;
    const file = await fileOf(folder, String(done.length));
    if (file) done.push(file);
  };
  /** Segments are whole, so that the next one starts where the last one ends. @param {number} size */
  const cut = async (size) => {
    await stream?.abort();
    stream = null;
    inside = 0;
    while (done.length && (closed() > size || (done.at(-1)?.size ?? 0) < SEGMENT)) done.pop();
    return closed();
  };
  if (done.length && (done.at(-1)?.size ?? 0) < SEGMENT) await cut(closed());
  return {
    kind: "opfs",
    get size() {
      return closed() + inside;
    },
    async write(bytes) {
      for (let from = 0; from < bytes.byteLength; ) {
        stream ??= await (await folder.getFileHandle(String(done.length), { create: true })).createWritable();
        const part = bytes.subarray(from, from + SEGMENT - inside);
        await stream.write(part);
        from += part.byteLength;
        inside += part.byteLength;
        if (inside === SEGMENT) await seal();
      }
    },
    cut: async (size) => (size >= closed() + inside ? closed() + inside : cut(size)),
    read: (from, to) => new Blob(done).slice(from, to).arrayBuffer(),
    async finish() {
      await seal();
      return new Blob(done);
    },
    async discard() {
      await stream?.abort();
      for (let i = 0; ; i++) {
        const there = await folder.removeEntry(String(i)).then(() => true, () => false);
        if (!there && i >= done.length) return;
      }
    },
  };
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<File | null>} */
async function fileOf(folder, name) {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch {
    return null;
  }
}
