// crowd-input and crowd-text-area: a text under a name, absent from the answer when it is empty.
import { CrowdElement, FLAG, NUMBER, TEXT, define } from "./element.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block; margin: 8px 0 } textarea { resize: vertical; display: block }
  .counter { text-align: right; font-size: 12px; color: var(--clary-muted) }
`);

class TextElement extends CrowdElement {
  static tag = "input";

  build() {
    const tag = this.constructor.tag;
    const end = tag === "textarea" ? "</textarea>" : "";
    this.shadow(
      STYLES,
      `<label><span class="label"></span><${tag} class="field" aria-describedby="problem">${end}</label>
      <div class="counter" hidden></div><div class="problem" id="problem" role="alert"></div><slot></slot>`,
    ); // of a tag that was never closed
    if (tag === "input") this.shadowRoot.querySelector(".field").step = "any";
    this.field = this.shadowRoot.querySelector(".field");
    this.field.value = this.getAttribute("value") ?? "";
    this.field.addEventListener("input", () => this.typed()); // composed by itself
    this.field.addEventListener("change", () => this.tellChange());
    for (const name of Object.keys(this.constructor.properties)) this.changed(name);
    if (this.autoFocus) this.field.focus();
    this.count();
  }

  get value() {
    return this.field ? this.field.value : (this.getAttribute("value") ?? "");
  }

  set value(text) {
    this.field.value = text ?? "";
    this.count();
  }

  get _submittableValue() {
    return this.submittable();
  }

  changed(name) {
    if (name === "label") this.shadowRoot.querySelector(".label").textContent = this.label;
    if (name === "placeholder") this.field.placeholder = this.placeholder;
    if (name === "type" && this.constructor.tag === "input") this.field.type = this.type || "text";
    if (name === "required") this.field.required = this.required;
    if (name === "disabled") this.field.disabled = this.disabled;
    if (name === "rows" && this.rows) this.field.rows = this.rows;
    if (name === "maxLength" && this.maxLength !== null) this.field.maxLength = this.maxLength;
    if (name === "label" || name === "placeholder")
      this.field.setAttribute("aria-label", this.label || this.placeholder || this.getAttribute("name") || "");
  }

  typed() {
    this.count();
    if (this.autoValidate) this.showProblem(this.problem(), false);
    else this.showProblem("", false);
  }

  count() {
    const counter = this.shadowRoot.querySelector(".counter");
    counter.hidden = !this.charCounter;
    counter.textContent =
      this.maxLength === null ? `${this.field.value.length}` : `${this.field.value.length} of ${this.maxLength}`;
  }

  focus() {
    this.field.focus();
  }

  submittable() {
    const text = this.value.replaceAll("\r\n", "\n");
    return this.disabled || text === "" ? undefined : text;
  }

  restore(text) {
    this.value = String(text);
  }

  reset() {
    this.value = this.getAttribute("value") ?? "";
  }

  problem() {
    if (this.disabled) return "";
    const said = this.errorMessage;
    if (this.value === "") return this.required ? said || `${this.label || "This field"} is needed.` : "";
    if (this.minLength !== null && this.value.length < this.minLength)
      return said || `At least ${this.minLength} characters, please.`;
    if (this.maxLength !== null && this.value.length > this.maxLength)
      return said || `At most ${this.maxLength} characters, please.`;
    if (this.allowedPattern && !matches(this.allowedPattern, this.value))
      return said || `This does not fit ${this.allowedPattern}.`;
    return this.field.validity.valid || this.field.validity.valueMissing ? "" : said || this.field.validationMessage;
  }

  showProblem(message, focus = true) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    this.field.setAttribute("aria-invalid", String(message !== ""));
    if (focus) this.field.focus();
  }
}

/** Of an input, the pattern is one of characters (as Polymer's allowed-pattern), or one of the whole text. */
function matches(pattern, text) {
  const expression = new RegExp(pattern, "u");
  return new RegExp(`^(?:${pattern})$`, "u").test(text) || Array.from(text).every((letter) => expression.test(letter));
}

class CrowdTextArea extends TextElement {
  static tag = "textarea";
}

const COMMON = {
  label: TEXT,
  placeholder: TEXT,
  required: FLAG,
  disabled: FLAG,
  maxLength: NUMBER,
  minLength: NUMBER,
  allowedPattern: TEXT,
  autoValidate: FLAG,
  errorMessage: TEXT,
  autoFocus: FLAG,
  charCounter: FLAG,
};

define("crowd-input", class CrowdInput extends TextElement {}, { ...COMMON, type: TEXT });
define("crowd-text-area", CrowdTextArea, { ...COMMON, rows: NUMBER, maxRows: NUMBER });
