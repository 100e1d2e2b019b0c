import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";
import { announce } from "./announce.js";

/** How long the button says that the link is copied. */
const COPIED_MS = 2_500;
/** Quiet zone around the code, in modules: readers need four. */
const PAD = 4;

/** @param {{text: string}} props  what the code says */
export function Qr({ text }) {
  const ref = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    let here = true;
    // Its modules come when there is something to draw; without them the link still stands beside it.
    import("../../vendor/lean-qr.js").then(({ generate }) => here && ref.current && draw(ref.current, generate(text)), () => {});
    return () => void (here = false);
  }, [text]);
  return html`<canvas ref=${ref} class="qr" role="img" aria-label=${t("invite.qr")}></canvas>`;
}

/** Dark on light in every theme: many readers refuse the inverse. @param {HTMLCanvasElement} canvas @param {{size: number, get: (x: number, y: number) => boolean}} code */
function draw(canvas, code) {
  const size = code.size + 2 * PAD;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.fillStyle = "#000";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) context.fillRect(x + PAD, y + PAD, 1, 1);
  }
}

/**
 * A button that copies and says so.
 * @param {{text: string, primary?: boolean, label?: string, done?: string}} props  label, done: keys
 */
export function CopyButton({ text, primary = false, label = "invite.copy", done = "invite.copied" }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    if (!(await write(text))) return;
    setCopied(true);
    announce({ key: done });
  };
  return html`
    <button type="button" class=${primary ? "button button-primary" : "button"} onClick=${copy}>
      <${Icon} name=${copied ? "check" : "copy"} /><span>${t(copied ? done : label)}</span>
    </button>`;
}

/** Copies and says so. @param {string} text @param {string} said  key */
export async function copyText(text, said) {
  if (await write(text)) announce({ key: said });
}

/** @param {string} text @returns {Promise<boolean>} */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return selectAndCopy(text); // insecure pages have no clipboard object
  }
}

/** @param {string} text */
function selectAndCopy(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  (before?.closest("dialog") ?? document.body).append(field); // beside an open dialog nothing can be selected
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}

/**
 * Everything that brings another person here: the link to read, copy, share, scan.
 * @param {{url: string, primary?: boolean}} props
 */
export function Invite({ url, primary = true }) {
  const share = () => navigator.share({ url }).catch(() => {}); // closed without sharing
  return html`
    <div class="invite">
      <${Qr} text=${url} />
      <div class="invite-side">
        <p class="invite-url" dir="ltr">${url.replace(/^https?:\/\//, "")}</p>
        <div class="row">
          <${CopyButton} text=${url} primary=${primary} />
          ${"share" in navigator && html`<button type="button" class="button" onClick=${share}><${Icon} name="share" /><span>${t("invite.share")}</span></button>`}
        </div>
      </div>
    </div>`;
}
