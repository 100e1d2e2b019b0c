import { clock, t } from "../i18n.js";
import { html } from "../ui/html.js";
import { Message } from "./message.js";

/** After the call. @param {import("../ui/root.js").PageProps} props */
export function Summary({ app, state }) {
  const { call } = state;
  const { seconds = 0, people = 0, ended = false } = call?.summary ?? {};
  const text = people ? t("summary.text", { time: clock(seconds), n: people }) : t("summary.alone");
  const room = !call || call.kind === "link";
  const title = t(room ? "summary.title" : ended ? "summary.over" : "summary.call");
  return html`<${Message} icon="phone-off" title=${title} text=${text} ...${again(app, call)} />`;
}

/**
 * What can be done after a call: a room is joined again, a person called again.
 * @param {import("../app.js").App} app @param {import("../state.js").CallView | null} call
 */
export function again(app, call) {
  const home = { second: t("common.home"), onSecond: () => app.o.router.go("/") };
  if (!call || call.kind === "link") return { action: t("summary.again"), onAction: () => app.calls.again(), ...home };
  const { other } = call;
  if (!other) return { action: t("common.home"), onAction: () => app.o.router.go("/") };
  return { action: t("summary.callagain", { name: other.name }), onAction: () => app.call(other.name, true, other.user), ...home };
}
