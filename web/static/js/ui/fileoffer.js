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
  const next = () => {
    const waiting = talk.store.state.rows.find(({ state, out, key }) => state === "offered" && !out && key !== row?.key);
    talk.store.set({ asked: waiting?.key ?? "" });
  };
  // A dialog says late that it was closed: by then the next one may be asked.
  const close = () => talk.store.state.asked === row?.key && talk.store.set({ asked: "" });
  if (!row || row.state !== "offered") {
    queueMicrotask(next); // withdrawn, or answered
    return null;
  }
  const accept = async () => {
    const facts = talk.files?.wanted(row.key);
    if (!facts || busy) return;
    setBusy(true);
    try {
      const sink = await chooseSink(facts, facts.folder);
      if (sink) {
        await talk.files?.accept(row.key, sink);
        talk.show(true);
      }
    } catch (error) {
      talk.files?.cancel(row.key, error instanceof NoPlace ? error.code : "disk");
      talk.show(true);
    }
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
        <button type="button" class="button button-primary" disabled=${busy} onClick=${accept}>${t("file.accept")}</button>
        <button type="button" class="button" onClick=${() => talk.files?.decline(row.key)}>${t("file.decline")}</button>
      </div>
    <//>`;
}
