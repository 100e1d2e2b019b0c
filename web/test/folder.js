/** A folder of private storage: a file counts when it is closed. */
export class FakeFolder {
  #files = new Map();
  async getFileHandle(name, { create = false } = {}) {
    if (!this.#files.has(name) && !create) throw new DOMException("", "NotFoundError");
    if (!this.#files.has(name)) this.#files.set(name, []);
    return {
      getFile: async () => new File(this.#files.get(name), name),
      createWritable: async () => {
        let parts = [];
        return {
          write: async (data) => void parts.push(data.slice()),
          close: async () => void this.#files.set(name, parts),
          abort: async () => void (parts = []),
        };
      },
    };
  }
  async removeEntry(name) {
    if (!this.#files.delete(name)) throw new DOMException("", "NotFoundError");
  }
}
