import { html } from "../ui/html.js";
import { Icon } from "../ui/icon.js";

/**
 * A page that says one thing and offers what to do about it.
 * @param {{icon: string, title: string, text: string, action: string, onAction: () => void,
 *   second?: string, onSecond?: () => void, children?: unknown, foot?: unknown}} props  foot: stands below what can be done
 */
export const Message = ({ icon, title, text, action, onAction, second, onSecond, children, foot }) => html`
  <main id="main" class="page page-narrow">
    <section class="card message">
      <span class="message-icon"><${Icon} name=${icon} /></span>
      <h1 tabindex="-1">${title}</h1>
      <p class="muted">${text}</p>
      ${children}
      <div class="row row-center">
        <button type="button" class="button button-primary" onClick=${onAction}>${action}</button>
        ${second && html`<button type="button" class="button" onClick=${onSecond}>${second}</button>`}
      </div>
      ${foot}
    </section>
  </main>`;
