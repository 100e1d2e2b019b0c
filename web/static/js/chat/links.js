/** What looks like an address; the end is judged below. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/gi;
/** Marks that belong to the sentence, not to the address before them. */
const TAIL = ".,;:!?)]}»”’";

/**
 * Cuts a text into plain parts and addresses that are safe to open: http or
 * https, without a user name that would hide where they lead.
 * @param {string} text
 * @returns {{text: string, href?: string}[]}
 */
export function parts(text) {
  /** @type {{text: string, href?: string}[]} */
  const out = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const raw = withoutTail(match[0]);
    const url = safe(raw);
    if (!url) continue;
    if (match.index > from) out.push({ text: text.slice(from, match.index) });
    // Letters of other scripts can look like Latin ones: then the name is shown as the network knows it.
    const plain = [...raw].every((char) => char <= "~");
    out.push({ text: plain ? raw : url.href, href: url.href });
    from = match.index + raw.length;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}

/** Letter by letter: a pattern would look at a long row of marks as often as it has marks. @param {string} text */
function withoutTail(text) {
  let end = text.length;
  while (TAIL.includes(text.charAt(end - 1)) && end > 0) end--;
  return text.slice(0, end);
}

/** @param {string} raw @returns {URL | null} */
function safe(raw) {
  try {
    const url = new URL(raw);
    return url.username || url.password ? null : url;
  } catch {
    return null;
  }
}
