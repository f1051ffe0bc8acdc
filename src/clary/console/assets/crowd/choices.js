// Checkboxes, toggles and radio buttons: {<value>: true or false} under the name; those of one name are one object of the answer.
import { CrowdElement, FLAG, TEXT, define } from "./element.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block; width: fit-content; margin: 4px 0 } label { display: inline-flex; gap: 8px; align-items: flex-start; cursor: pointer }
  input { margin: 3px 0 0; width: 16px; height: 16px; accent-color: var(--clary-accent); flex: none }
  input[role="switch"] { appearance: none; width: 28px; border-radius: 8px; background: var(--clary-muted); position: relative }
  input[role="switch"]::before { content: ""; position: absolute; top: 2px; left: 2px; width: 12px; height: 12px; border-radius: 50%; background: var(--clary-bg) }
  input[role="switch"]:checked { background: var(--clary-accent) } input[role="switch"]:checked::before { left: 14px }
  input:disabled + span { opacity: .6 }
`);

class Choice extends CrowdElement {
  static type = "checkbox";

  build() {
    const role = this.constructor.type === "switch" ? ' role="switch"' : "";
    const type = this.constructor.type === "radio" ? "radio" : "checkbox";
    this.shadow(
      STYLES,
      `<label><input type="${type}"${role}><span><slot></slot></span></label><div class="problem" role="alert"></div>`,
    );
    this.input = this.shadowRoot.querySelector("input");
    this.input.addEventListener("change", () => {
      this.showProblem("");
      this.picked();
      this.tellChange();
    });
    this.reset();
    this.changed();
  }

  changed(name) {
    this.input.disabled = this.disabled;
    if (name === "checked") this.input.checked = this.checked;
  }

  get isChecked() {
    return this.input.checked;
  }

  picked() {
    this.given.set("checked", this.input.checked);
  }

  focus() {
    this.input.focus();
  }

  reset() {
    this.given.delete("checked");
    this.input.checked = this.checked;
  }

  submittable() {
    return this.disabled ? undefined : { [this.value || "on"]: this.input.checked };
  }

  get _submittableValue() {
    return this.submittable();
  }

  restore(state) {
    if (typeof state === "object") this.checked = state[this.value || "on"] === true;
  }

  problem() {
    return this.required && !this.disabled && !this.input.checked ? "Please check this to go on." : "";
  }

  showProblem(message) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    if (message) this.input.focus();
  }
}

class CrowdRadioButton extends Choice {
  static type = "radio";

  /** One of a group at most is checked; outside of groups, one of a name. */
  picked() {
    const group = this.closest("crowd-radio-group");
    const others = (group ?? this.getRootNode()).querySelectorAll("crowd-radio-button");
    for (const other of others) {
      const isRival = group || (!other.closest("crowd-radio-group") && other.getAttribute("name") === this.getAttribute("name"));
      if (isRival) other.checked = other === this;
    }
  }

  problem() {
    return "";
  }
}

class CrowdRadioGroup extends CrowdElement {
  build() {
    this.setAttribute("role", "radiogroup");
    this.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!by || !(event.target instanceof CrowdRadioButton)) return;
      const buttons = Array.from(this.querySelectorAll("crowd-radio-button")).filter((each) => !each.disabled);
      const next = buttons[(buttons.indexOf(event.target) + by + buttons.length) % buttons.length];
      event.preventDefault();
      next.input.click();
      next.focus();
    });
  }

  /** The value of the checked button. */
  get selected() {
    return Array.from(this.querySelectorAll("crowd-radio-button")).find((each) => each.checked)?.value ?? "";
  }
}

const COMMON = { value: TEXT, checked: FLAG, disabled: FLAG, required: FLAG };

define("crowd-checkbox", class CrowdCheckbox extends Choice {}, COMMON);
define(
  "crowd-toggle-button",
  class CrowdToggleButton extends Choice {
    static type = "switch";
  },
  { ...COMMON, invalid: FLAG },
);
define("crowd-radio-button", CrowdRadioButton, COMMON);
define("crowd-radio-group", CrowdRadioGroup);
