// crowd-form: collects what its elements and ordinary fields hold, and hands it out when the worker submits.
import { CrowdElement, define } from "./element.js";
import { isFramed, sendAnswer, tell } from "./page.js";

/** Elements whose value an answer may hold, in the order of the page. */
export function fieldsOf(root) {
  const { host } = root.getRootNode();
  const found = host instanceof CrowdElement && host.bringsForm && host.getAttribute("name") ? [host] : []; // whose form this is
  for (const element of root.querySelectorAll("*")) {
    const isCrowd = element instanceof CrowdElement;
    if ((isCrowd || element.matches("input, select, textarea")) && element.getAttribute("name")) found.push(element);
  }
  return found;
}

/** The state of one field; undefined: it has none. Radio buttons and checkboxes have theirs under their value. */
export function stateOf(field) {
  if (field instanceof CrowdElement) return field.submittable();
  if (field.disabled || ["button", "submit", "reset", "image", "file"].includes(field.type)) return undefined;
  if (field.type === "checkbox" || field.type === "radio") return { [field.value]: field.checked };
  if (field.type === "select-multiple") return Array.from(field.selectedOptions, (option) => option.value);
  return field.value.replaceAll("\r\n", "\n");
}

/** Puts a state, or what an answer holds under the field's name, back into the field. */
export function restoreField(field, state) {
  if (state === undefined || state === null) return;
  if (field instanceof CrowdElement) {
    field.restore(state);
  } else if (field.type === "checkbox" || field.type === "radio") {
    field.checked = state[field.value] === true;
  } else if (field.type === "select-multiple") {
    for (const option of field.options) option.selected = state.includes(option.value);
  } else if (field.type !== "file") {
    field.value = state;
  }
}

export class CrowdForm extends CrowdElement {
  build() {
    this.addEventListener("click", (event) => this.pressed(event));
    this.addEventListener("submit", (event) => this.innerForm(event), true);
    if (!isFramed && !this.querySelector('crowd-button[form-action="submit"], button:not([type="button"]), input[type="submit"]')) {
      const button = document.createElement("crowd-button"); // in the portal its own button is there
      button.setAttribute("form-action", "submit");
      button.setAttribute("variant", "primary");
      button.textContent = "Submit";
      this.append(button);
    }
  }

  /** The element that holds the fields: scripts append to it. */
  get form() {
    return this;
  }

  get elements() {
    return fieldsOf(this);
  }

  /** The answer as it would be submitted now. */
  get value() {
    const answer = {};
    for (const field of fieldsOf(this)) {
      const state = stateOf(field);
      if (state === undefined) continue;
      const name = field.getAttribute("name");
      answer[name] = isPlain(answer[name]) && isPlain(state) ? { ...answer[name], ...state } : state;
    }
    return answer;
  }

  checkValidity() {
    return this.firstProblem() === null;
  }

  reportValidity() {
    const found = this.firstProblem();
    if (found === null) return true;
    if (found.field instanceof CrowdElement) found.field.showProblem(found.message);
    else found.field.reportValidity();
    tell({ type: "clary:refused", message: found.message });
    return false;
  }

  /** Submits as if the worker pressed the button; false if something is missing or the template's script prevented it. */
  submit() {
    if (!this.reportValidity()) return false;
    const event = new Event("submit", { bubbles: true, cancelable: true });
    const before = window.claryFrame?.scriptErrors;
    const isGoing = this.dispatchEvent(event);
    if (window.claryFrame?.scriptErrors !== before) {
      tell({ type: "clary:refused", message: "The template's own script failed while it made the answer, which was not sent." });
      return false; // what it would have put into hidden fields is missing
    }
    if (!isGoing) {
      tell({ type: "clary:refused", message: "" });
      return false;
    }
    sendAnswer(this.value); // read after the handlers ran: they set hidden fields
    return true;
  }

  requestSubmit() {
    this.submit();
  }

  reset() {
    for (const field of fieldsOf(this)) {
      if (field instanceof CrowdElement) field.reset?.();
      else if (field.type === "checkbox" || field.type === "radio") field.checked = field.defaultChecked;
      else if (field.options) for (const option of field.options) option.selected = option.defaultSelected;
      else field.value = field.defaultValue;
    }
    this.tellChange();
  }

  firstProblem() {
    const { host } = this.getRootNode();
    for (const field of [...(host?.bringsForm ? [host] : []), ...this.querySelectorAll("*")]) {
      const isCrowd = field instanceof CrowdElement;
      const message = isCrowd ? field.problem() : field.matches("input, select, textarea") ? field.validationMessage : "";
      if (message) return { field, message };
    }
    return null;
  }

  /** A template's own form inside is part of this one: after its own handlers, this one is submitted. */
  innerForm(event) {
    if (event.target === this) return;
    const last = (inner) => {
      inner.stopPropagation();
      const isGoing = !inner.defaultPrevented;
      inner.preventDefault();
      if (isGoing) this.submit();
    };
    event.target.addEventListener("submit", last, { once: true });
  }

  pressed(event) {
    const button = event.composedPath().find((each) => each instanceof HTMLButtonElement || each instanceof HTMLInputElement);
    if (!button || event.defaultPrevented || button.getRootNode() !== this.getRootNode() || button.form) return;
    if (button.type === "submit" || button.type === "image") this.submit();
    if (button.type === "reset") this.reset();
  }
}

function isPlain(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

define("crowd-form", CrowdForm);
