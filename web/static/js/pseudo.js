import { closing } from "./i18n.js";

/**
 * A language for those who build pages: English with accents, two fifths
 * longer, in brackets. What is not in it is not translatable; what breaks
 * under it breaks in German and Finnish too.
 */

const LETTERS = new Map([..."aeiouyAEIOUYcnsrzCNSRZ"].map((plain, i) => [plain, [..."åéîöûýÅÉÎÖÛÝçñšřžÇÑŠŘŽ"][i] ?? plain]));
/** How much longer. */
const MORE = 0.4;
/** What is added comes in words, as in a real language. */
const WORD = /·{8}(?=·)/g;

/** @param {string} text  as in the language files: what stands in braces has a meaning */
export const pseudo = (text) => `[${strange(text)}${"·".repeat(Math.ceil(text.replace(/\{[^{}]*\}/g, "").length * MORE)).replace(WORD, "$& ")}]`;

/** @param {string} text @returns {string} */
function strange(text) {
  let out = "";
  for (let at = 0; at < text.length; at++) {
    const end = text[at] === "{" ? closing(text, at) : at;
    out += end > at ? `{${inside(text.slice(at + 1, end))}}` : LETTERS.get(text[at] ?? "") ?? text[at];
    at = end;
  }
  return out;
}

/** A value's name stays as it is, and so do the names of plural forms. @param {string} text @returns {string} */
function inside(text) {
  const [, head, forms] = /^(\w+, plural,)(.*)$/.exec(text) ?? [];
  if (!head || !forms) return text;
  let out = head;
  for (let at = forms.indexOf("{"), from = 0; at >= 0; at = forms.indexOf("{", from)) {
    const end = closing(forms, at);
    out += `${forms.slice(from, at)}{${strange(forms.slice(at + 1, end))}}`;
    from = end + 1;
  }
  return out;
}

/** @param {Record<string, string>} messages @returns {Record<string, string>} */
export const pseudoMessages = (messages) => Object.fromEntries(Object.entries(messages).map(([key, text]) => [key, pseudo(text)]));
