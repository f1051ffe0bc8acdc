// crowd-slider: a number between two, with the texts of its crowd-slider-label children at its ends.
import { CrowdElement, FLAG, NUMBER, TEXT, define, slotted } from "./element.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block; margin: 8px 0; max-width: 480px } .row { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: 12px; align-items: center }
  input[type="range"] { width: 100%; margin: 0; accent-color: var(--clary-accent) } .number { width: 80px } output { display: inline-block; min-width: 32px; text-align: right }
  .ends { display: flex; justify-content: space-between; gap: 16px; font-size: 13px; color: var(--clary-muted) }
`);

class CrowdSlider extends CrowdElement {
  build() {
    this.shadow(
      STYLES,
      `<div class="row"><input type="range"><span><output></output><input type="number" class="field number" hidden></span>
      <div class="ends"><slot name="crowd-slider-label"></slot></div></div><div class="problem" role="alert"></div><slot></slot>`,
    );
    slotted(this, ["crowd-slider-label"]);
    [this.range, this.number] = this.shadowRoot.querySelectorAll("input");
    this.output = this.shadowRoot.querySelector("output");
    for (const input of [this.range, this.number]) {
      input.addEventListener("input", () => this.moved(input.value));
      input.addEventListener("change", () => this.tellChange());
      for (const type of ["pointerup", "keydown"]) input.addEventListener(type, (event) => this.touched(event)); // where it is may be meant
    }
    this.reset();
  }

  changed() {
    for (const input of [this.range, this.number]) {
      input.min = this.min ?? 0;
      input.max = this.max ?? 100;
      input.step = this.step ?? 1;
      input.disabled = this.disabled;
      input.value = this.current;
      input.setAttribute("aria-label", this.getAttribute("label") || this.getAttribute("name") || "");
    }
    this.number.hidden = !this.editable;
    this.output.textContent = this.editable ? "" : this.isOpen ? "–" : String(this.value);
  }

  /** Whether a value is asked for and none was chosen yet. */
  get isOpen() {
    return this.required && !this.wasMoved;
  }

  get value() {
    return this.current;
  }

  set value(value) {
    this.current = Number(value);
    if (this.isBuilt) this.changed();
  }

  moved(value) {
    if (value === "") return;
    this.wasMoved = true;
    this.value = value;
  }

  touched(event) {
    if (this.wasMoved || event.key === "Tab") return;
    this.moved(this.current);
    this.tellChange();
  }

  reset() {
    this.wasMoved = this.hasAttribute("value");
    this.value = this.getAttribute("value") ?? this.min ?? 0;
  }

  focus() {
    this.range.focus();
  }

  submittable() {
    return this.disabled || this.isOpen ? undefined : this.current;
  }

  get _submittableValue() {
    return this.submittable();
  }

  restore(value) {
    this.moved(value);
  }

  problem() {
    return this.isOpen ? "Please choose a value." : "";
  }

  showProblem(message) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    if (message) this.range.focus();
  }
}

define("crowd-slider", CrowdSlider, {
  min: NUMBER,
  max: NUMBER,
  step: NUMBER,
  pin: FLAG,
  editable: FLAG,
  disabled: FLAG,
  required: FLAG,
  secondaryProgress: NUMBER,
});
define("crowd-slider-label", class CrowdSliderLabel extends CrowdElement {}, { position: TEXT });
