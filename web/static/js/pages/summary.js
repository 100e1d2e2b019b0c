import { clock, t } from "../i18n.js";
import { html } from "../ui/html.js";
import { Message } from "./message.js";

/** After the call. @param {import("../ui/root.js").PageProps} props */
export function Summary({ app, state }) {
  const { seconds = 0, people = 0 } = state.call?.summary ?? {};
  const text = people ? t("summary.text", { time: clock(seconds), n: people }) : t("summary.alone");
  return html`
    <${Message} icon="phone-off" title=${t("summary.title")} text=${text} action=${t("summary.again")} onAction=${() => app.calls.again()}
      second=${t("common.home")} onSecond=${() => app.o.router.go("/")} />`;
}
