import { html } from "./html.js";

/**
 * A table that scrolls sideways by itself on narrow pages, by keyboard too.
 * @param {{label: string, heads: string[], rows: {key: string, cells: unknown[]}[], empty: string}} props
 *   heads: an empty one is for a column of buttons
 */
export function Table({ label, heads, rows, empty }) {
  if (!rows.length) return html`<p class="muted">${empty}</p>`;
  return html`
    <div class="table-scroll" role="region" aria-label=${label} tabindex="0">
      <table class="table">
        <thead><tr>${heads.map((head) => (head ? html`<th scope="col">${head}</th>` : html`<td></td>`))}</tr></thead>
        <tbody>${rows.map(({ key, cells }) => html`<tr key=${key}>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
}
