import { t } from "../i18n.js";
import { html } from "../ui/html.js";
/** @param {import("../ui/root.js").PageProps} _ */
export const AdminPage = (_) => html`<main id="main" class="page"><h1 tabindex="-1">${t("check.title")}</h1></main>`;
