/**
 * Digests of files too large for memory: SHA-256 of each block of 1 MiB, and of
 * all those together. The browser has no SHA-256 that takes a file bit by bit.
 */

export const BLOCK = 1 << 20;

/** @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes @returns {Promise<Uint8Array<ArrayBuffer>>} */
export const digest = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** The digests of a file's blocks, as they become known. */
export class Blocks {
  /** @type {Uint8Array[]} */
  #list = [];

  /** @param {number} index @param {Uint8Array} sum */
  set(index, sum) {
    this.#list[index] = sum;
  }

  /** @param {number} index */
  has(index) {
    return this.#list[index] !== undefined;
  }

  /** @param {number} index @returns {string} "" while it is not known */
  get(index) {
    const sum = this.#list[index];
    return sum ? hex(sum) : "";
  }

  /** Forgets the blocks from one on. @param {number} index */
  cut(index) {
    this.#list.length = Math.min(this.#list.length, index);
  }

  /**
   * Computes what is missing below `end` from what can be read.
   * @param {number} end  bytes @param {(from: number, to: number) => Promise<ArrayBuffer>} read
   */
  async fill(end, read) {
    for (let index = 0; index * BLOCK < end; index++) {
      if (!this.has(index)) this.set(index, await digest(await read(index * BLOCK, Math.min(end, (index + 1) * BLOCK))));
    }
  }

  /** @returns {Promise<string>} of the whole file */
  async total() {
    const all = new Uint8Array(this.#list.length * 32);
    this.#list.forEach((sum, i) => all.set(sum, i * 32));
    return hex(await digest(all));
  }
}
