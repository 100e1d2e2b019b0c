import { chooseSink, NoPlace } from "../files/choose.js";
import { size } from "../format.js";
import { t } from "../i18n.js";
import { Dialog } from "./dialog.js";
import { html, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../talk.js").Talk} Talk */

/**
 * Somebody offers a file. Closing the question leaves the offer in the list.
 * @param {{talk: Talk, row: import("../files/files.js").Row | undefined}} props
 */
export function FileOffer({ talk, row }) {
  const [busy, setBusy] = useState(false);
  const others = () => talk.store.state.rows.filter(({ state, out, key }) => state === "offered" && !out && key !== row?.key);
  const next = () => talk.store.set({ asked: others()[0]?.key ?? "" });
  // A dialog says late that it was closed: by then the next one may be asked.
  const close = () => talk.store.state.asked === row?.key && talk.store.set({ asked: "" });
  if (!row || row.state !== "offered") {
    queueMicrotask(next); // withdrawn, or answered
    return null;
  }
  const more = others();
  const accept = async (/** @type {string[]} */ keys) => {
    if (busy) return;
    setBusy(true);
    for (const key of keys) await take(talk, key, keys.length > 1);
    setBusy(false);
  };
  return html`
    <${Dialog} title=${t("file.offer.title")} onClose=${close}>
      <div class="file-offer">
        <span class="file-icon"><${Icon} name="file" /></span>
        <div><p class="file-name"><bdi>${row.name}</bdi></p><p class="muted">${t("file.from", { who: row.who, size: size(row.size) })}</p></div>
      </div>
      <p class="small muted">${t("file.offer.text")}</p>
      <div class="row">
        <button type="button" class="button button-primary" disabled=${busy} onClick=${() => accept([row.key])}>${t("file.accept")}</button>
        ${more.length > 0 && html`<button type="button" class="button" disabled=${busy} onClick=${() => accept([row, ...more].map(({ key }) => key))}>${t("file.accept.all", { n: more.length + 1 })}</button>`}
        <button type="button" class="button" onClick=${() => talk.files?.decline(row.key)}>${t("file.decline")}</button>
      </div>
    <//>`;
}

/** @param {Talk} talk @param {string} key @param {boolean} many  one of several */
async function take(talk, key, many) {
  const facts = talk.files?.wanted(key);
  if (!facts) return;
  try {
    const sink = await chooseSink(facts, facts.folder, many);
    if (!sink) return;
    await talk.files?.accept(key, sink);
  } catch (error) {
    talk.files?.cancel(key, error instanceof NoPlace ? error.code : "disk");
  }
  talk.show(true);
}
