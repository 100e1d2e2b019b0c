/** Longer names are refused by most systems. */
const MAX_NAME = 120;
/** Names that Windows keeps for itself. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * A name from elsewhere, made harmless: no folders, nothing hidden, no
 * characters that systems forbid or that turn the direction of the rest.
 * @param {unknown} name
 */
export function safeName(name) {
  const text = typeof name === "string" ? name : "";
  const last = text.split(/[\\/]/).at(-1) ?? "";
  const clean = last.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"|?*]/g, "_").replace(/^[.\s]+|[.\s]+$/g, "");
  const short = clean.length > MAX_NAME ? shorten(clean) : clean;
  if (!short) return "file";
  return DEVICES.test(short) ? `_${short}` : short;
}

/** Keeps the end, which says what kind of file it is. @param {string} name */
function shorten(name) {
  const dot = name.lastIndexOf(".");
  const end = dot > 0 && name.length - dot <= 12 ? name.slice(dot) : "";
  return name.slice(0, MAX_NAME - end.length) + end;
}
