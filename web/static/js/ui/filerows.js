import { dismiss } from "../talking.js";
import { filesOf, MOST, wantsText } from "./drop.js";
import { rate, size } from "../format.js";
import { say } from "../say.js";
import { line, t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../talk.js").Talk} Talk */
/** @typedef {import("../files/files.js").Row} Row */

/** States in which bytes move, or would. */
const MOVING = new Set(["sending", "receiving"]);
const OVER = new Set(["done", "declined", "cancelled", "failed"]);

/** A browser that asks where to put a download has begun it by then, and needs the address no more. */
const START_MS = 60_000;

/** @param {{talk: Talk, rows: Row[]} & import("./root.js").PageProps} props */
export function FileRows({ talk, rows, app, state }) {
  if (!rows.length) return null;
  const squeezed = rows.some((row) => row.out && row.state === "sending" && !row.paused) && state.devices.cam.on;
  return html`
    <section class="files" aria-label=${t("file.list")}>
      <ul>${rows.map((row) => html`<${FileRow} key=${row.key} talk=${talk} row=${row} />`)}</ul>
      ${squeezed && html`<button type="button" class="button button-small button-quiet" onClick=${() => app.setDevice("cam", false)}>
        <${Icon} name="video-off" /><span>${t("file.faster")}</span></button>`}
    </section>`;
}

/** What a row says beside its bar. @param {Row} row @returns {string} */
function stateText({ state, paused, out, who, problem, done, size: all, rate: speed }) {
  if (state === "failed") return t(`file.problem.${problem || "read"}.${out ? "out" : "in"}`, { who });
  if (MOVING.has(state) && paused) return t("file.paused");
  if (!MOVING.has(state)) return t(`file.state.${state}.${out ? "out" : "in"}`, { who });
  return line(t("file.of", { done: size(done), all: size(all) }), speed > 0 && t("file.speed", { n: rate((speed * 8) / 1e6) }));
}

/** @param {{talk: Talk, row: Row}} props */
function FileRow({ talk, row }) {
  const { key, name, who, out, state, paused, done } = row;
  const { files } = talk;
  const percent = row.size ? Math.floor((done / row.size) * 100) : 100;
  const live = !OVER.has(state) && state !== "offered" && state !== "repick";
  return html`
    <li class="file" data-state=${state} data-name=${name}>
      <span class="file-icon"><${Icon} name=${state === "done" ? "check" : state === "failed" ? "alert" : "file"} /></span>
      <div class="file-body">
        <p class="file-name"><bdi>${name}</bdi></p>
        <p class="small muted">${t(out ? "file.to" : "file.from", { who, size: size(row.size) })}</p>
        ${live && html`<progress max="100" value=${percent} aria-label=${t("file.bar", { name })}></progress>`}
        <p class="small">${stateText(row)}</p>
        <div class="row">
          ${MOVING.has(state) && html`<button type="button" class="button button-small" aria-label=${t(paused ? "file.go.of" : "file.pause.of", { name })}
            onClick=${() => files?.pause(key, !paused)}><${Icon} name=${paused ? "play" : "pause"} /><span>${t(paused ? "file.go" : "file.pause")}</span></button>`}
          ${state === "offered" && !out && html`<button type="button" class="button button-small button-primary" onClick=${() => talk.store.set({ asked: key })}>${t("file.answer")}</button>`}
          ${state === "repick" && html`<${Repick} talk=${talk} row=${row} />`}
          ${row.result && html`<${Save} blob=${row.result} name=${name} />`}
          ${OVER.has(state)
            ? html`<button type="button" class="button button-small button-quiet" aria-label=${t("file.dismiss.of", { name })} onClick=${() => dismiss(talk, key)}>${t("file.dismiss")}</button>`
            : (out || state !== "offered") && html`<button type="button" class="button button-small button-quiet" aria-label=${t("file.cancel.of", { name })} onClick=${() => files?.cancel(key)}>${t("common.cancel")}</button>`}
        </div>
      </div>
    </li>`;
}

/** A page that was loaded anew has lost the file itself. @param {{talk: Talk, row: Row}} props */
function Repick({ talk, row }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState(false);
  const picked = () => {
    const file = input.current?.files?.[0];
    if (file) setWrong(!talk.files?.repick(row.key, file));
  };
  return html`
    <input ref=${input} type="file" hidden aria-label=${t("file.again.of", { name: row.name })} onChange=${picked} />
    <button type="button" class="button button-small button-primary" onClick=${() => input.current?.click()}>${t("file.again")}</button>
    ${wrong && html`<p class="problem" role="alert">${t("file.again.wrong")}</p>`}`;
}

/** Once more to the downloads. @param {{blob: Blob, name: string}} props */
function Save({ blob, name }) {
  const [url] = useState(() => URL.createObjectURL(blob));
  useEffect(() => () => URL.revokeObjectURL(url), []);
  return html`<a class="button button-small" href=${url} download=${name}><${Icon} name="download" /><span>${t("file.save")}</span></a>`;
}

/** Files that are complete go to the downloads by themselves, each once. @param {Row[]} rows */
export function useDownloads(rows) {
  const saved = useRef(new WeakSet());
  useEffect(() => {
    for (const { result, name } of rows) {
      if (!result || saved.current.has(result)) continue;
      saved.current.add(result);
      const href = URL.createObjectURL(result);
      Object.assign(document.createElement("a"), { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), START_MS);
    }
  }, [rows]);
}

/** Files that are dropped or pasted anywhere on the page. @param {Talk} talk @returns {boolean} whether one hovers over it */
export function useDrops(talk) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const end = new AbortController();
    const { signal } = end;
    const has = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") === true;
    addEventListener("dragover", (event) => has(event) && (event.preventDefault(), setOver(true)), { signal });
    addEventListener("dragleave", (event) => event.relatedTarget === null && setOver(false), { signal });
    addEventListener("drop", (event) => {
      if (!has(event)) return;
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) void filesOf(event.dataTransfer).then((files) => offer(talk, files));
    }, { signal });
    addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length || wantsText(event)) return;
      event.preventDefault();
      offer(talk, files);
    }, { signal });
    return () => end.abort();
  }, []);
  return over;
}

/** To everybody here, if there is anybody. @param {Talk} talk @param {File[]} files */
export function offer(talk, files) {
  if (!files.length) return;
  talk.show(true);
  if (talk.files?.offer(files.slice(0, MOST)) === false) say(talk.o, { key: "file.alone" });
  else if (files.length > MOST) say(talk.o, { key: "file.many", values: { n: MOST } });
}
