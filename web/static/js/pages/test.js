import { CHECKS, run } from "../check/checks.js";
import { makeReport } from "../check/report.js";
import { summary } from "../check/verdict.js";
import { rate } from "../format.js";
import { line, t } from "../i18n.js";
import { leaveReport } from "../net/api.js";
import { announce } from "../ui/announce.js";
import { CameraCheck, MicCheck, SpeakerCheck } from "../ui/checkdevices.js";
import { CopyButton } from "../ui/invite.js";
import { html, useEffect, useRef, useState } from "../ui/html.js";
import { Icon } from "../ui/icon.js";
import { Footer, TopBar } from "../ui/topbar.js";
import { explainRefusal } from "../rtc/explain.js";

/** @typedef {import("../ui/root.js").PageProps} PageProps */
/** @typedef {import("../check/checks.js").Row} Row */

/** What starts by itself, and what a person starts. */
const DEVICES = ["mic", "speaker", "camera"];
const GROUPS = [
  { name: "browser", ids: ["browser", "secure"] },
  { name: "server", ids: ["server", "signaling", "resume"] },
  { name: "network", ids: ["stun", "turn-udp", "turn-tcp", "turn-tls", "throughput", "direct"] },
  { name: "devices", ids: DEVICES },
];

/** What each outcome looks like; the word beside it says the same. @type {Record<string, string>} */
const ICONS = { pass: "check", warn: "alert", fail: "x", skipped: "minus", waiting: "clock" };

/** @returns {Record<string, Row>} */
const blank = () => Object.fromEntries(GROUPS.flatMap(({ ids }) => ids).map((id) => [id, { id, state: "waiting", verdict: null, facts: {} }]));

/** @param {PageProps} props */
export function TestPage({ app, state }) {
  const [rows, setRows] = useState(blank);
  const [round, setRound] = useState(0);
  const [busy, setBusy] = useState(true);
  const ice = useRef(state.ice);
  ice.current = state.you ? state.ice : null;
  const put = (/** @type {Row} */ row) => setRows((/** @type {Record<string, Row>} */ all) => ({ ...all, [row.id]: row }));
  useEffect(() => {
    const over = new AbortController();
    const socket = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    const context = { origin: location.origin, socket, ice: () => ice.current, working: new Map() };
    setBusy(true);
    setRows((/** @type {Record<string, Row>} */ all) => ({ ...blank(), ...Object.fromEntries(DEVICES.map((id) => [id, all[id]])) }));
    void run(CHECKS, context, put, over.signal).then(() => over.signal.aborted || setBusy(false));
    return () => over.abort();
  }, [round]);
  const total = summary(Object.fromEntries(Object.values(rows).map((row) => [row.id, /** @type {any} */ (row.state)])));
  useEffect(() => void (busy || announce(total)), [busy]);
  return html`
    <${TopBar} app=${app} state=${state} />
    <main id="main" class="page check-page">
      <header class="check-head">
        <h1 tabindex="-1">${t("check.title")}</h1>
        <p class="muted">${t("check.text")}</p>
      </header>
      <div class=${`check-summary check-${busy ? "running" : total.state}`}>
        ${busy ? html`<span class="spinner" aria-hidden="true"></span>` : html`<${Icon} name=${ICONS[total.state]} />`}
        <p><strong>${busy ? t("check.running") : t(total.key)}</strong></p>
        ${!busy && html`<button type="button" class="button button-small" onClick=${() => setRound(round + 1)}><${Icon} name="refresh" /><span>${t("check.again")}</span></button>`}
      </div>
      ${GROUPS.map(({ name, ids }) => html`
        <section class="card check-group" aria-labelledby=${`group-${name}`}>
          <h2 id=${`group-${name}`}>${t(`check.group.${name}`)}</h2>
          <ul>${ids.map((id) => html`<${CheckRow} key=${id} row=${rows[id]} onRow=${put} />`)}</ul>
        </section>`)}
      <${Report} app=${app} rows=${Object.values(rows)} signedIn=${state.you !== null} busy=${busy} />
      <${Footer} app=${app} />
    </main>`;
}

/** @type {Record<string, (props: {onRow: (row: Row) => void}) => any>} */
const STARTERS = { mic: MicCheck, speaker: SpeakerCheck, camera: CameraCheck };

/** @param {{row: Row, onRow: (row: Row) => void}} props */
function CheckRow({ row, onRow }) {
  const { id, state, verdict, facts } = row;
  const Starter = STARTERS[id] ?? null;
  const idle = Starter !== null && state === "waiting";
  return html`
    <li class=${`check check-${state}`} data-check=${id} data-state=${state}>
      <span class="check-icon">${state === "running" ? html`<span class="spinner" aria-hidden="true"></span>` : html`<${Icon} name=${idle ? "clock" : ICONS[state]} />`}</span>
      <div class="check-body">
        <h3>${t(`check.${id}`)} <span class="check-word">${t(`check.state.${idle ? "idle" : state}`)}</span></h3>
        ${verdict && html`<p>${t(verdict.key, verdict.values)}</p>`}
        ${facts.kbps && html`<p class="muted small">${line(...Object.entries(facts.kbps).map(([name, kbps]) => t("check.throughput.of", { name: name.toUpperCase(), n: rate(kbps / 1000) })))}</p>`}
        ${Starter && html`<div class="row"><${Starter} onRow=${onRow} /></div>`}
        ${Object.keys(facts).length > 0 && html`<details><summary>${t("check.details")}</summary><${Facts} facts=${facts} /></details>`}
      </div>
    </li>`;
}

/** What was found, for people who know what it means: names and figures as they are. @param {{facts: Record<string, any>}} props */
const Facts = ({ facts }) => html`
  <dl class="check-facts" dir="ltr">
    ${Object.entries(facts).map(([name, value]) => html`<div><dt>${name}</dt><dd>${plain(value)}</dd></div>`)}
  </dl>`;

/** @param {any} value @returns {string} */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ") || "–";
  if (value && typeof value === "object") return Object.entries(value).map(([name, inner]) => `${name} ${plain(inner)}`).join(" ");
  return String(value);
}

/** @param {{app: import("../app.js").App, rows: Row[], signedIn: boolean, busy: boolean}} props */
function Report({ app, rows, signedIn, busy }) {
  const [addresses, setAddresses] = useState(false);
  const [sent, setSent] = useState(/** @type {{code?: string, problem?: import("../state.js").Text}} */ ({}));
  const report = makeReport(rows, { build: app.o.build, agent: navigator.userAgent, at: new Date().toISOString(), addresses });
  const leave = async () => {
    try {
      const { code } = await leaveReport(report);
      setSent({ code });
    } catch (error) {
      setSent({ problem: explainRefusal(/** @type {any} */ (error)) });
    }
  };
  return html`
    <section class="card check-report" aria-labelledby="report">
      <h2 id="report">${t("check.report")}</h2>
      <p class="muted">${t("check.report.text")}</p>
      <div class="check-tick"><input type="checkbox" id="addresses" checked=${addresses} onChange=${(/** @type {any} */ e) => setAddresses(e.target.checked)} />
        <label for="addresses">${t("check.report.addresses")}</label></div>
      <div class="row">
        <${CopyButton} text=${JSON.stringify(report, null, 1)} label="check.report.copy" done="check.report.copied" />
        ${signedIn && html`<button type="button" class="button" disabled=${busy} onClick=${leave}><${Icon} name="share" /><span>${t("check.report.leave")}</span></button>`}
      </div>
      <div role="status">
        ${sent.code && html`<p>${t("check.report.code")} <strong class="check-code" dir="ltr">${sent.code}</strong></p>`}
        ${sent.problem && html`<p class="problem">${t(sent.problem.key, sent.problem.values)}</p>`}
      </div>
    </section>`;
}
