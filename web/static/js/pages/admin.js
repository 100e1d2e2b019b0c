import { CHECKS, run } from "../check/checks.js";
import { number, rate, size, span, when } from "../format.js";
import { t } from "../i18n.js";
import { endRelay, look, makeInvite, signOutUser } from "../net/admin.js";
import { explainRefusal } from "../rtc/explain.js";
import { announce } from "../ui/announce.js";
import { Dialog } from "../ui/dialog.js";
import { html, useEffect, useRef, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Invite } from "../ui/invite.js";
import { Table } from "../ui/table.js";
import { Footer, TopBar } from "../ui/topbar.js";
import { Message } from "./message.js";

/**
 * @typedef {import("../ui/root.js").PageProps} PageProps
 * @typedef {import("../net/admin.js").Look} Look
 * @typedef {{title: string, text: string, go: string, done: string, act: () => Promise<unknown>}} Question  before something ends
 */

/** How often the figures are asked for anew, while somebody looks. */
const REFRESH_MS = 3_000;

/** @param {PageProps} props */
export function AdminPage({ app, state }) {
  const admin = state.you?.roles.includes("admin");
  return html`
    <${TopBar} app=${app} state=${state} />
    ${admin ? html`<${Board} app=${app} state=${state} />` : html`
      <${Message} icon="lock" title=${t("admin.only")} text=${t("admin.only.text")} action=${t("common.home")} onAction=${() => app.o.router.go("/")}
        second=${t("admin.only.signin")} onSecond=${() => app.signOut("/admin")} />`}`;
}

/** The newest look, and the one before it, for what has changed in between. */
function useLook() {
  const [looks, setLooks] = useState(/** @type {{now: Look | null, before: Look | null, problem: import("../state.js").Text | null}} */ ({ now: null, before: null, problem: null }));
  const asking = useRef(false);
  const again = async () => {
    if (asking.current) return; // a slow server is not asked twice at a time
    asking.current = true;
    try {
      const next = await look();
      setLooks((/** @type {typeof looks} */ { now }) => ({ now: next, before: now, problem: null }));
    } catch (error) {
      setLooks((/** @type {typeof looks} */ known) => ({ ...known, problem: explainRefusal(/** @type {any} */ (error)) }));
    }
    asking.current = false;
  };
  useEffect(() => {
    void again();
    const timer = setInterval(() => document.visibilityState === "visible" && void again(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return { ...looks, again };
}

/** @param {PageProps} props */
function Board({ app, state }) {
  const { now, before, problem, again } = useLook();
  const [question, setQuestion] = useState(/** @type {Question | null} */ (null));
  const part = { now, ask: setQuestion };
  return html`
    <main id="main" class="page admin">
      <h1 tabindex="-1">${t("admin.title")}</h1>
      ${problem && html`<p class="notice" role="alert"><${Icon} name="alert" /><span class="notice-text">${t(problem.key, problem.values)}</span></p>`}
      <${Overview} now=${now} before=${before} build=${state.config?.build ?? ""} />
      ${now && html`
        <${Rooms} rooms=${now.rooms} />
        <${Relays} ...${part} />
        <${Sessions} ...${part} self=${state.you?.user ?? ""} />
        <${InviteForm} />
        <${Outcomes} reports=${now.reports} />
        <${SelfTest} state=${state} />
        <${Left} left=${now.reports.left ?? []} />`}
      <${Footer} app=${app} />
    </main>
    ${question && html`<${Ask} question=${question} onDone=${() => (setQuestion(null), again())} />`}`;
}

/** @param {{id: string, title: string, count?: number, children?: unknown}} props */
const Section = ({ id, title, count, children }) => html`
  <section class="card admin-section" aria-labelledby=${id}>
    <h2 id=${id}>${title}${count !== undefined && html` <span class="count">${number(count)}</span>`}</h2>
    ${children}
  </section>`;

/** @param {{now: Look | null, before: Look | null, build: string}} props */
function Overview({ now, before, build }) {
  const o = now?.overview;
  const mbit = (/** @type {"bytes_up" | "bytes_down"} */ field) => {
    if (!now || !before || now.at <= before.at) return "–";
    const grown = now.overview[field] - before.overview[field];
    return rate(Math.max(0, (grown * 8) / 1000 / (now.at - before.at)));
  };
  const figures = [
    ["people", o && number(o.sessions)], ["rooms", o && number(o.rooms)], ["relays", o && number(o.relays)],
    ["up", mbit("bytes_up")], ["down", mbit("bytes_down")], ["relayed", o && size(o.bytes_up + o.bytes_down)],
  ];
  return html`
    <dl class="admin-figures">
      ${figures.map(([name, value]) => html`<div class="card" data-figure=${name}><dt>${t(`admin.figure.${name}`)}</dt><dd>${value ?? "–"}</dd></div>`)}
    </dl>
    <p class="muted small">${o && t("admin.uptime", { time: span(o.uptime_s) })} · ${t("about.build", { build })}</p>`;
}

/** @param {{rooms: import("../net/admin.js").RoomRow[]}} props */
const Rooms = ({ rooms }) => html`
  <${Section} id="admin-rooms" title=${t("admin.rooms")} count=${rooms.length}>
    <${Table} label=${t("admin.rooms")} empty=${t("admin.rooms.none")} heads=${["room", "kind", "peers", "since"].map((name) => t(`admin.head.${name}`))}
      rows=${rooms.map(({ room, kind, locked, peers, since }) => ({ key: room, cells: [
        html`<bdi>${room}</bdi>${locked && html` <span class="tag">${t("admin.locked")}</span>`}`, t(`admin.kind.${kind}`), number(peers), when(since)] }))} />
  <//>`;

/** @param {{now: Look, ask: (question: Question) => void}} props */
const Relays = ({ now, ask }) => html`
  <${Section} id="admin-relays" title=${t("admin.relays")} count=${now.relays.length}>
    <${Table} label=${t("admin.relays")} empty=${t("admin.relays.none")} heads=${[...["person", "transport", "client", "up", "down", "since"].map((name) => t(`admin.head.${name}`)), ""]}
      rows=${now.relays.map((row) => ({ key: row.id, cells: [
        html`<bdi>${row.name || row.user || t("admin.unknown")}</bdi>`, row.transport.toUpperCase(), html`<span dir="ltr">${row.client}</span>`, size(row.bytes_up), size(row.bytes_down), when(row.since),
        html`<button type="button" class="button button-small" aria-label=${t("admin.end.of", { name: row.name || row.user || row.id })} onClick=${() => ask({
          title: t("admin.end.title"), text: t("admin.end.text", { name: row.name || row.user || row.id }), go: t("admin.end"), done: "admin.end.done", act: () => endRelay(row.id) })}>${t("admin.end")}</button>`] }))} />
  <//>`;

/** @param {{now: Look, ask: (question: Question) => void, self: string}} props */
const Sessions = ({ now, ask, self }) => html`
  <${Section} id="admin-sessions" title=${t("admin.sessions")} count=${now.sessions.length}>
    <${Table} label=${t("admin.sessions")} empty="" heads=${[...["person", "client", "rooms", "since"].map((name) => t(`admin.head.${name}`)), ""]}
      rows=${now.sessions.map((row) => ({ key: row.peer, cells: [
        html`<bdi>${row.name}</bdi>${row.user === self && html` <span class="muted">${t("people.you")}</span>`}`, html`<span dir="ltr">${row.client}</span>`, html`<bdi>${(row.rooms ?? []).join(", ") || "–"}</bdi>`, when(row.since),
        html`<button type="button" class="button button-small" aria-label=${t("admin.out.of", { name: row.name })} onClick=${() => ask({
          title: t("admin.out.title"), text: t("admin.out.text", { name: row.name }), go: t("signout"), done: "admin.out.done", act: () => signOutUser(row.user) })}>${t("signout")}</button>`] }))} />
  <//>`;

/** Nothing ends by a slip of the hand. @param {{question: Question, onDone: () => void}} props */
function Ask({ question, onDone }) {
  const [problem, setProblem] = useState(/** @type {import("../state.js").Text | null} */ (null));
  const act = async () => {
    try {
      await question.act();
      announce({ key: question.done });
      onDone();
    } catch (error) {
      setProblem(explainRefusal(/** @type {any} */ (error)));
    }
  };
  return html`
    <${Dialog} title=${question.title} onClose=${onDone}>
      <p>${question.text}</p>
      ${problem && html`<p class="problem" role="alert">${t(problem.key, problem.values)}</p>`}
      <div class="row">
        <button type="button" class="button button-primary" onClick=${act}>${question.go}</button>
        <button type="button" class="button" onClick=${onDone}>${t("common.cancel")}</button>
      </div>
    <//>`;
}

/** How long an invite may hold; the server's most is a week. */
const TTLS = ["1h", "24h", "168h"];

function InviteForm() {
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const [made, setMade] = useState(/** @type {{link?: string, until?: string, problem?: import("../state.js").Text}} */ ({}));
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const fields = new FormData(form.current ?? undefined);
    const text = (/** @type {string} */ name) => String(fields.get(name) ?? "").trim();
    const room = text("room");
    try {
      const { token, link, expiresAt } = await makeInvite({ name: text("name"), room, ttl: text("ttl"), relay: fields.has("relay"), role: fields.has("admin") ? "admin" : "user" });
      const path = room ? `/r/${room}` : "/";
      setMade({ link: link || `${location.origin}${path}#t=${token}`, until: expiresAt });
    } catch (error) {
      setMade({ problem: explainRefusal(/** @type {any} */ (error)) });
    }
  };
  return html`
    <${Section} id="admin-invites" title=${t("admin.invites")}>
      <p class="muted">${t("admin.invites.text")}</p>
      <form class="admin-form" ref=${form} onSubmit=${submit}>
        <div class="field"><label for="invite-name">${t("admin.invites.name")}</label><input id="invite-name" name="name" required maxlength="32" autocomplete="off" /></div>
        <div class="field"><label for="invite-room">${t("admin.invites.room")}</label><input id="invite-room" name="room" maxlength="64" pattern="[A-Za-z0-9_.\\-]*" autocomplete="off" autocapitalize="none" spellcheck=${false} /></div>
        <div class="field"><label for="invite-ttl">${t("admin.invites.ttl")}</label>
          <select id="invite-ttl" name="ttl">${TTLS.map((ttl) => html`<option value=${ttl}>${span(parseInt(ttl, 10) * 3600)}</option>`)}</select></div>
        <div class="check-tick"><input type="checkbox" id="invite-relay" name="relay" checked /><label for="invite-relay">${t("admin.invites.relay")}</label></div>
        <div class="check-tick"><input type="checkbox" id="invite-admin" name="admin" /><label for="invite-admin">${t("admin.invites.admin")}</label></div>
        <button type="submit" class="button button-primary"><${Icon} name="link" /><span>${t("admin.invites.go")}</span></button>
      </form>
      <div role="status">
        ${made.problem && html`<p class="problem">${t(made.problem.key, made.problem.values)}</p>`}
        ${made.link && html`<p>${t("admin.invites.until", { time: when(made.until ?? 0) })}</p><${Invite} url=${made.link} />`}
      </div>
    <//>`;
}

/** How calls connected: counts alone, nobody's name. @param {{reports: import("../net/admin.js").Reports}} props */
function Outcomes({ reports }) {
  const paths = ["direct", "relay_udp", "relay_tcp", "relay_tls", "failed"].map((path) => ({ path, n: reports.paths?.[path] ?? 0 }));
  const most = Math.max(1, ...paths.map(({ n }) => n));
  const steps = Object.entries(reports.failed_steps ?? {});
  return html`
    <${Section} id="admin-outcomes" title=${t("admin.outcomes")}>
      <p class="muted">${reports.setup_ms ? t("admin.outcomes.setup", { n: reports.setup_ms }) : t("admin.outcomes.none")}</p>
      <dl class="admin-bars">
        ${paths.map(({ path, n }) => html`<div data-path=${path}><dt>${t(`admin.path.${path}`)}</dt>
          <dd><meter min="0" max=${most} value=${n} aria-hidden="true"></meter><span>${number(n)}</span></dd></div>`)}
      </dl>
      ${steps.length > 0 && html`<p>${t("admin.outcomes.steps")}</p><ul class="admin-steps">${steps.map(([step, n]) => html`<li><bdi>${step}</bdi>: ${number(n)}</li>`)}</ul>`}
    <//>`;
}

const RELAY_CHECKS = CHECKS.filter(({ id }) => id.startsWith("turn-"));

/** The relay as seen from this very browser. @param {{state: import("../state.js").State}} props */
function SelfTest({ state }) {
  const [rows, setRows] = useState(/** @type {import("../check/checks.js").Row[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    setRows([]);
    const put = (/** @type {import("../check/checks.js").Row} */ row) =>
      setRows((/** @type {typeof rows} */ all) => [...all.filter(({ id }) => id !== row.id), row]);
    await run(RELAY_CHECKS, { origin: location.origin, socket: "", ice: () => state.ice, working: new Map() }, put, new AbortController().signal);
    setBusy(false);
  };
  return html`
    <${Section} id="admin-selftest" title=${t("admin.selftest")}>
      <p class="muted">${t("admin.selftest.text")}</p>
      <div class="row"><button type="button" class="button" aria-disabled=${busy ? "true" : "false"} onClick=${() => busy || start()}><${Icon} name="route" /><span>${t("admin.selftest.go")}</span></button></div>
      <div role="status"><ul class="admin-checks">
        ${rows.map(({ id, state: outcome, verdict }) => html`<li key=${id} data-check=${id} data-state=${outcome}><strong>${t(`check.${id}`)}</strong>: ${verdict ? t(verdict.key, verdict.values) : t(`check.state.${outcome}`)}</li>`)}
      </ul></div>
    <//>`;
}

/** Reports that people left, by their code. @param {{left: import("../net/admin.js").LeftReport[]}} props */
function Left({ left }) {
  const [wanted, setWanted] = useState("");
  const plain = (/** @type {string} */ code) => code.toUpperCase().replace(/[^A-Z0-9]/g, "");
  const shown = left.filter(({ code }) => plain(code).startsWith(plain(wanted)));
  return html`
    <${Section} id="admin-left" title=${t("admin.left")} count=${left.length}>
      <p class="muted">${t("admin.left.text")}</p>
      ${left.length > 0 && html`<div class="field admin-code"><label for="report-code">${t("admin.left.code")}</label>
        <input id="report-code" autocomplete="off" autocapitalize="characters" spellcheck=${false} value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)} /></div>`}
      ${shown.map(({ code, at, report }) => html`
        <details key=${code} class="admin-report"><summary><strong dir="ltr">${code}</strong> · ${when(at)}</summary>
          <ul>${(Array.isArray(report?.checks) ? report.checks : []).map((/** @type {any} */ { id, state }) => html`<li><bdi>${id}</bdi>: <bdi>${state}</bdi></li>`)}</ul>
          <pre dir="ltr" tabindex="0">${JSON.stringify(report, null, 1)}</pre></details>`)}
      ${left.length > 0 && !shown.length && html`<p>${t("admin.left.none")}</p>`}
    <//>`;
}
