import { t } from "../i18n.js";
import { html } from "../ui/html.js";
import { Message } from "./message.js";

/** The room has no place left; it is asked again until it has. @param {import("../ui/root.js").PageProps} props */
export function Full({ app, state }) {
  return html`
    <${Message} icon="users" title=${t("full.title")} text=${t("full.text", { room: state.call?.title || (state.call?.room ?? "") })}
      action=${t("full.now")} onAction=${() => app.calls.join()} second=${t("common.home")} onSecond=${() => app.o.router.go("/")}>
      <p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${t("full.waiting")}</p>
    <//>`;
}
