/** What a person dropped or pasted. */

/** So many files are offered at a time: the other side is asked about them, and takes no endless row of questions. */
export const MOST = 50;

/**
 * The files of a drop, those in folders too: the browser gives a folder as a
 * file that cannot be read. Must be called while the drop is told.
 * @param {DataTransfer} data @returns {Promise<File[]>}
 */
export async function filesOf(data) {
  const entries = [...data.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...data.files];
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

/** @param {FileSystemEntry} entry @param {File[]} found  grows */
async function walk(entry, found) {
  if (found.length > MOST) return; // enough to see that there are too many
  if (entry.isFile) {
    const file = await new Promise((done) => /** @type {FileSystemFileEntry} */ (entry).file(done, () => done(null)));
    if (file) found.push(file);
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done) => reader.readEntries(done, () => done([])));
    if (!some.length) return; // it gives a hundred at a time
    for (const inner of some) await walk(inner, found);
  }
}

/**
 * Word processors and tables copy a picture of the text beside it: into a
 * field the text is meant.
 * @param {ClipboardEvent} event
 */
export const wantsText = ({ clipboardData, target }) =>
  target instanceof Element && target.matches("input, textarea") && clipboardData?.types.includes("text/plain") === true && clipboardData.types.includes("text/html");
