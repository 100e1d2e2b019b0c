import { t } from "../i18n.js";
import { html } from "../ui/html.js";
import { KeyList } from "../ui/keys.js";
import { Brand } from "../ui/topbar.js";

const BASE = new URL("../../vendor/", import.meta.url).pathname;

/** What others made. */
const LICENCES = [
  { name: "htm 3.1.1, Preact", file: "htm-preact.LICENSE.txt" },
  { name: "lean-qr 2.7.4", file: "lean-qr.LICENSE.txt" },
  { name: "Lucide 1.62.0", file: "lucide.LICENSE.txt" },
];

/** What works on every page. @type {readonly [string[], string][]} */
const EVERYWHERE = [[["Tab"], "about.key.tab"], [["Esc"], "about.key.esc"]];

/** @param {import("../ui/root.js").PageProps} props */
export const About = ({ app, state }) => html`
  <header class="topbar"><${Brand} name=${state.config?.name ?? "Parley"} /></header>
  <main id="main" class="page prose">
    <h1 tabindex="-1">${t("about.title")}</h1>
    <p class="lead">${t("about.lead")}</p>
    <h2>${t("about.privacy")}</h2>
    <ul>${["media", "relay", "server", "address", "missed", "board", "files", "third", "stored", "honest"].map((name) => html`<li>${t(`about.privacy.${name}`)}</li>`)}</ul>
    <h2>${t("about.keys")}</h2>
    <${KeyList} more=${EVERYWHERE} />
    <h2>${t("about.licences")}</h2>
    <ul>${LICENCES.map(({ name, file }) => html`<li><a href=${BASE + file} target="_blank" rel="noopener">${name}</a></li>`)}</ul>
    <p class="muted small">${t("about.build", { build: app.o.build })}</p>
    <p><a class="button" href="/">${t("common.home")}</a></p>
  </main>`;
