import { clock, t } from "../i18n.js";
import { html } from "../ui/html.js";
import { SaveReport } from "../ui/report.js";
import { Message } from "./message.js";

/** After the call. @param {import("../ui/root.js").PageProps} props */
export function Summary({ app, state }) {
  const { call } = state;
  const { seconds = 0, people = 0, ended = false, report = null } = call?.summary ?? {};
  const text = people ? t("summary.text", { time: clock(seconds), n: people }) : t("summary.alone");
  const room = !call || call.kind === "link";
  const title = t(room ? "summary.title" : ended ? "summary.over" : "summary.call");
  return html`<${Message} icon="phone-off" title=${title} text=${text} ...${again(app, call)} foot=${report && html`<${SaveReport} app=${app} report=${report} />`} />`;
}

/** The server, or who is host, has ended it or did not let it begin. @param {import("../ui/root.js").PageProps} props */
export function Refused({ app, state }) {
  const { call } = state;
  const problem = call?.problem;
  const text = problem ? t(problem.key, problem.values) : "";
  const gone = problem?.key === "error.not_found" ? t("summary.gone") : text;
  if (call && call.kind !== "link") return html`<${Message} icon="phone-off" title=${t("summary.over")} text=${gone} ...${again(app, call)} />`;
  if (problem?.key === "call.kicked") {
    return html`<${Message} icon="door" title=${text} text=${t("call.kicked.text")} action=${t("common.home")} onAction=${() => app.o.router.go("/")} />`;
  }
  return html`<${Message} icon="alert" title=${t("refused.title", { room: call?.room ?? "" })} text=${text}
    action=${t("common.retry")} onAction=${() => app.calls.again()} second=${t("common.home")} onSecond=${() => app.o.router.go("/")} />`;
}

/**
 * What can be done after a call: a room is joined again, a person called again.
 * @param {import("../app.js").App} app @param {import("../state.js").CallView | null} call
 */
function again(app, call) {
  const home = { second: t("common.home"), onSecond: () => app.o.router.go("/") };
  if (!call || call.kind === "link") return { action: t("summary.again"), onAction: () => app.calls.again(), ...home };
  const { other } = call;
  if (!other) return { action: t("common.home"), onAction: () => app.o.router.go("/") };
  return { action: t("summary.callagain", { name: other.name }), onAction: () => app.call(other.name, true, other.user), ...home };
}
