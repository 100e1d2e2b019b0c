import { html } from "./html.js";

/**
 * A few exclusive choices side by side.
 * @param {{name: string, legend: string, value: string, options: {value: string, text: string}[], onChoose: (value: string) => void}} props
 */
export const Choice = ({ name, legend, value, options, onChoose }) => html`
  <fieldset class="choice">
    <legend>${legend}</legend>
    <div class="choice-row">
      ${options.map((option) => html`<label key=${option.value}><input type="radio" name=${name} value=${option.value} checked=${option.value === value}
        onChange=${() => onChoose(option.value)} /><span>${option.text}</span></label>`)}
    </div>
  </fieldset>`;
