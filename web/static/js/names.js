/** Words for names that are easy to say over the phone. */
const MANNERS = ["amber", "brave", "calm", "clever", "cosy", "eager", "fair", "gentle", "golden", "happy", "jolly", "keen", "kind", "lively", "lucky", "merry", "misty", "noble", "quick", "quiet", "rosy", "shiny", "silver", "snowy", "sunny", "swift", "tidy", "velvet", "warm", "wild", "wise", "witty"];
const ANIMALS = ["badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "ferret", "finch", "fox", "gecko", "hare", "heron", "ibex", "jackdaw", "koala", "lark", "lemur", "lynx", "marten", "mole", "otter", "owl", "panda", "puffin", "robin", "seal", "stork", "swan", "tapir", "vole", "wren"];
/** Letters and digits that are not taken for one another. */
const CODE = "abcdefghjkmnpqrstuvwxyz23456789";

/** @param {number} below @returns {number} */
function random(below) {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  return value % below;
}

/** @template T @param {ArrayLike<T>} list @returns {T} */
const pick = (list) => /** @type {T} */ (list[random(list.length)]);

/** A name for a new room: two words to say, and a code that is hard to guess. */
export function roomName() {
  const code = Array.from({ length: 6 }, () => pick(CODE)).join("");
  return `${pick(MANNERS)}-${pick(ANIMALS)}-${code}`;
}

/** A name for a guest who does not want to think of one. */
export function guestName() {
  const capital = (/** @type {string} */ word) => word.charAt(0).toUpperCase() + word.slice(1);
  return `${capital(pick(MANNERS))} ${capital(pick(ANIMALS))}`;
}

/**
 * The next name to try when one is taken: "Ann" becomes "Ann 2", that "Ann 3".
 * @param {string} name
 */
export function nextName(name) {
  const [, stem = name, number = "1"] = /^(.*?) (\d{1,4})$/.exec(name) ?? [];
  const next = ` ${Number(number) + 1}`;
  return [...stem].slice(0, 32 - next.length).join("") + next;
}

/**
 * What a call is called: a room has a title or its name, a call those who are in it.
 * @param {import("./state.js").CallView} call
 */
export function callName({ title, kind, room, label, members }) {
  if (title) return title;
  if (kind === "link") return room;
  return members.map((member) => member.name).join(", ") || label;
}

/** @param {string} name @returns {string} one or two letters for an avatar */
export function initials(name) {
  const words = name.trim().split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = [...(words[0] ?? name)][0] ?? "?";
  const last = words.length > 1 ? [...(words.at(-1) ?? "")][0] : "";
  return (first + last).toLocaleUpperCase();
}

/** @param {string} name @returns {number} 0 to 7, the same for the same name: the avatar's hue */
export function hue(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return sum % 8;
}
