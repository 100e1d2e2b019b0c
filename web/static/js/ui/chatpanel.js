import { parts } from "../chat/links.js";
import { keyOf, MAX_TEXT } from "../chat/log.js";
import { when } from "../format.js";
import { t } from "../i18n.js";
import { FileRows, offer, useDownloads, useDrops } from "./filerows.js";
import { FileOffer } from "./fileoffer.js";
import { html, useEffect, useLayoutEffect, useRef, useState, useStore } from "./html.js";
import { Icon } from "./icon.js";

/** @typedef {import("../talk.js").Talk} Talk */
/** @typedef {import("../chat/log.js").Entry} Entry */

/** Nearer to its end than this, the log follows what is added. */
const NEAR_END = 80;

/**
 * Text and files beside the call, and what asks about files while the panel is closed.
 * @param {import("./root.js").PageProps} props
 */
export function Talking({ app, state }) {
  const { talk } = app;
  const { open, rows, asked } = useStore(talk.store);
  const over = useDrops(talk);
  useDownloads(rows);
  return html`
    ${open && html`<${Panel} talk=${talk} app=${app} state=${state} />`}
    ${asked && html`<${FileOffer} key=${asked} talk=${talk} row=${rows.find(({ key }) => key === asked)} />`}
    ${over && html`<div class="chat-drop" aria-hidden="true"><${Icon} name="paperclip" /><p>${t("file.drop")}</p></div>`}`;
}

/** @param {{talk: Talk} & import("./root.js").PageProps} props */
function Panel({ talk, app, state }) {
  const { entries, rows } = useStore(talk.store);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => {
    const opener = /** @type {HTMLElement | null} */ (document.activeElement);
    field.current?.focus();
    return () => opener?.isConnected && opener.focus();
  }, []);
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) talk.show(false);
  };
  return html`
    <aside class="chat" aria-labelledby="chat-title" onKeyDown=${press}>
      <header class="chat-head">
        <h2 id="chat-title">${t("chat.title")}</h2>
        <button type="button" class="button button-quiet button-icon" aria-label=${t("chat.close")} onClick=${() => talk.show(false)}><${Icon} name="x" /></button>
      </header>
      <${Entries} entries=${entries} />
      <${FileRows} talk=${talk} rows=${rows} app=${app} state=${state} />
      <${Composer} talk=${talk} field=${field} alone=${!state.call?.members.length} />
    </aside>`;
}

/** @param {{entries: Entry[]}} props */
function Entries({ entries }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const follow = useRef(true);
  const watch = () => {
    const el = list.current;
    if (el) follow.current = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END;
  };
  useLayoutEffect(() => {
    const el = list.current;
    if (el && (follow.current || entries.at(-1)?.mine)) el.scrollTop = el.scrollHeight;
  }, [entries]);
  return html`
    <div class="chat-log" role="log" aria-label=${t("chat.log")} tabindex="0" ref=${list} onScroll=${watch}>
      ${!entries.length && html`<p class="chat-empty muted small">${t("chat.empty")}</p>`}
      ${entries.map((entry, i) => html`<${Message} key=${keyOf(entry)} entry=${entry} before=${entries[i - 1]} />`)}
    </div>`;
}

/** @param {{entry: Entry, before: Entry | undefined}} props */
function Message({ entry, before }) {
  const { from, name, mine, text, at, waiting, earlier } = entry;
  const follows = before?.from === from && before.earlier === earlier && at - before.at < 120_000;
  return html`
    ${before?.earlier && !earlier && html`<p class="chat-rule muted small">${t("chat.here")}</p>`}
    <div class=${`chat-entry ${mine ? "chat-mine" : ""} ${follows ? "chat-follows" : ""}`}>
      <p class=${follows ? "visually-hidden" : "chat-who"}><strong><bdi>${mine ? t("tile.you") : name}</bdi></strong> <time>${when(at)}</time></p>
      <p class="chat-text" dir="auto">${parts(text).map(({ text: part, href }) => (href ? html`<a href=${href} dir="ltr" target="_blank" rel="noopener noreferrer">${part}</a>` : part))}</p>
      ${mine && waiting > 0 && html`<p class="chat-waiting small muted">${t("chat.waiting", { n: waiting })}</p>`}
    </div>`;
}

/** @param {{talk: Talk, field: {current: HTMLTextAreaElement | null}, alone: boolean}} props */
function Composer({ talk, field, alone }) {
  const [text, setText] = useState("");
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const send = () => {
    if (talk.chat?.say(text)) setText("");
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const picked = () => {
    offer(talk, [...(picker.current?.files ?? [])]);
    if (picker.current) picker.current.value = "";
  };
  return html`
    <form class="chat-form" onSubmit=${(/** @type {Event} */ e) => (e.preventDefault(), send())}>
      <p class="chat-full small" role="status">${text.length >= MAX_TEXT && t("chat.full", { n: MAX_TEXT })}</p>
      <input ref=${picker} type="file" multiple hidden aria-label=${t("file.pick")} onChange=${picked} />
      <button type="button" class="button button-quiet button-icon" aria-label=${t("file.pick")} title=${t(alone ? "file.alone" : "file.pick")} disabled=${alone}
        onClick=${() => picker.current?.click()}><${Icon} name="paperclip" /></button>
      <textarea ref=${field} rows="1" maxlength=${MAX_TEXT} dir="auto" aria-label=${t("chat.write")} placeholder=${t("chat.write")} value=${text}
        onInput=${(/** @type {any} */ e) => setText(e.target.value)} onKeyDown=${press}></textarea>
      <button type="submit" class="button button-primary button-icon" aria-label=${t("chat.send")}><${Icon} name="send" /></button>
    </form>`;
}
