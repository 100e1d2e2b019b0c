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

/**
 * What is written counts only when the stream is closed, and to open it once
 * more would copy all of it: a page that is loaded anew has to start over.
 * @param {FileSystemFileHandle} handle  a file that the person chose
 * @returns {Promise<Sink>}
 */
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
  const kept = [];
  for (;;) {
    const file = await fileOf(folder, String(kept.length));
    if (file?.size !== SEGMENT) return new Segments(folder, kept); // the next one starts where a whole one ends
    kept.push(file);
  }
}

/** A file in pieces of one size, the last of which may be shorter. @implements {Sink} */
class Segments {
  /** @type {"opfs"} */
  kind = "opfs";
  /** @type {FileSystemWritableFileStream | null} into the piece that is being filled */
  #stream = null;
  /** Bytes in it. */
  #inside = 0;

  /** @param {FileSystemDirectoryHandle} folder @param {File[]} kept  pieces that count */
  constructor(folder, kept) {
    this.folder = folder;
    this.kept = kept;
  }

  get size() {
    return this.#closed + this.#inside;
  }

  get #closed() {
    return this.kept.reduce((sum, file) => sum + file.size, 0);
  }

  /** The piece that comes after those that count. */
  get #next() {
    return String(this.kept.length);
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes */
  async write(bytes) {
    for (let from = 0; from < bytes.byteLength; ) {
      this.#stream ??= await (await this.folder.getFileHandle(this.#next, { create: true })).createWritable();
      const part = bytes.subarray(from, from + SEGMENT - this.#inside);
      await this.#stream.write(part);
      from += part.byteLength;
      this.#inside += part.byteLength;
      if (this.#inside === SEGMENT) await this.#seal();
    }
  }

  /** Makes the piece that is being filled count. */
  async #seal() {
    if (!this.#stream) return;
    await this.#stream.close();
    this.#stream = null;
    this.#inside = 0;
    const file = await fileOf(this.folder, this.#next);
    if (file) this.kept.push(file);
  }

  /** Only whole pieces stay. @param {number} size */
  async cut(size) {
    if (size >= this.size) return this.size;
    await this.#stream?.abort();
    this.#stream = null;
    this.#inside = 0;
    while (this.kept.length && (this.#closed > size || (this.kept.at(-1)?.size ?? 0) < SEGMENT)) this.kept.pop();
    return this.#closed;
  }

  read = (/** @type {number} */ from, /** @type {number} */ to) => new Blob(this.kept).slice(from, to).arrayBuffer();

  async finish() {
    await this.#seal();
    return new Blob(this.kept);
  }

  async discard() {
    await this.#stream?.abort();
    for (let i = 0; ; i++) {
      const there = await this.folder.removeEntry(String(i)).then(() => true, () => false);
      if (!there && i >= this.kept.length) return;
    }
  }
}

/** @param {FileSystemDirectoryHandle} folder @param {string} name @returns {Promise<File | null>} */
async function fileOf(folder, name) {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch {
    return null;
  }
}
