// crowd-classifier and -multi-select: any content, and the categories beside it. {label} or {labels}.
import { CrowdElement, FLAG, JSON5, LIST, TEXT, define, slotted } from "./element.js";
import { Instructions } from "./instructions.js";
import { keyOf } from "./keys.js";
import { isFramed } from "./page.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block } .annotation-area { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 24px; align-items: start }
  .side { position: sticky; top: 16px; width: 280px } .target { min-width: 0 } h2 { margin-bottom: 12px } .said { margin-bottom: 16px } .said:empty { display: none }
  ul { list-style: none; margin: 0; padding: 0 } li { border-top: 1px solid var(--clary-line) } li:last-child { border-bottom: 1px solid var(--clary-line) }
  label { display: flex; gap: 10px; align-items: center; padding: 8px 4px; cursor: pointer } label:hover { background: var(--clary-sunken) } label:has(:checked) { background: var(--clary-accent-soft) }
  label span { flex: 1; overflow-wrap: anywhere } input { accent-color: var(--clary-accent); width: 16px; height: 16px; margin: 0; flex: none }
  @media (max-width: 760px) { .annotation-area { grid-template-columns: minmax(0, 1fr) } .side { position: static; width: auto } }
`);

/** Which categories are chosen: one, or some; the excluding one goes with no other. Shared by texts and pictures. */
export class Selection {
  constructor({ isMany, excluding }) {
    this.isMany = isMany;
    this.excluding = excluding;
    this.chosen = new Set();
    this.isExcluded = false;
  }

  toggle(category) {
    const was = this.chosen.has(category);
    if (!this.isMany) this.chosen.clear();
    if (this.isMany && was) this.chosen.delete(category);
    else this.chosen.add(category);
    this.isExcluded = false;
  }

  exclude() {
    this.isExcluded = !this.isExcluded;
    this.chosen.clear();
  }

  clear() {
    this.chosen.clear();
    this.isExcluded = false;
  }

  /** In the order of the categories. */
  answer(categories) {
    if (!this.isMany) return this.chosen.size ? { label: [...this.chosen][0] } : undefined;
    return { labels: categories.filter((each) => this.chosen.has(each)) };
  }

  restore(state) {
    const labels = state?.labels ?? (state?.label === undefined ? [] : [state.label]);
    this.chosen = new Set(labels);
    this.isExcluded = this.isMany && labels.length === 0 && Boolean(this.excluding);
  }

  problem() {
    if (this.chosen.size || this.isExcluded) return "";
    return this.isMany ? "Choose at least one category." : "Choose a category.";
  }
}

let groups = 0;

class Classifier extends CrowdElement {
  static isMany = false;

  build() {
    this.shadow(
      STYLES,
      `<h2></h2><div class="annotation-area"><div class="target"><slot name="classification-target"></slot><slot></slot></div>
      <div class="side awsui-app-layout__navigation"><div class="said"><slot name="short-instructions"></slot></div>
      ${isFramed ? "" : '<button class="button plain" type="button" data-full hidden>Full instructions</button>'}
      <div class="category-picker-wrapper"><ul></ul><div class="problem" role="alert"></div></div></div></div>${Instructions.html}`,
    );
    slotted(this, ["classification-target"]);
    this.instructions = new Instructions(this);
    this.group = `categories-${(groups += 1)}`;
    this.selection = new Selection({ isMany: this.constructor.isMany, excluding: this.exclusionCategory?.text });
    this.isNothing = false;
    const full = this.shadowRoot.querySelector("[data-full]");
    if (full) full.hidden = !this.querySelector("full-instructions");
    full?.addEventListener("click", () => this.showInstructions());
    window.addEventListener("keydown", (event) => this.keyed(event));
    this.changed();
  }

  changed() {
    this.shadowRoot.querySelector("h2").textContent = this.header;
    this.selection.excluding = this.exclusionCategory?.text;
    this.show();
  }

  show() {
    const rows = this.categories.map((category, place) =>
      this.row(category, this.selection.chosen.has(category), place < 9 ? String(place + 1) : "", () =>
        this.selection.toggle(category),
      ),
    );
    const { excluding } = this.selection;
    if (this.constructor.isMany && excluding)
      rows.push(this.row(excluding, this.selection.isExcluded, "0", () => this.selection.exclude()));
    this.shadowRoot.querySelector("ul").replaceChildren(...rows);
  }

  row(category, isChosen, key, choose) {
    const row = document.createElement("li");
    row.innerHTML = `<label><input type="${this.constructor.isMany ? "checkbox" : "radio"}" name="${this.group}"><span></span>${key ? `<kbd>${key}</kbd>` : ""}</label>`;
    const input = row.querySelector("input");
    input.checked = isChosen;
    input.value = category;
    row.querySelector("span").textContent = category;
    input.addEventListener("change", (event) => {
      event.stopPropagation(); // the element itself tells of it
      this.choose(choose, category);
    });
    return row;
  }

  choose(how, category) {
    how();
    this.isNothing = false;
    this.show();
    this.showProblem("");
    this.tellChange();
    for (const input of this.shadowRoot.querySelectorAll("input")) if (input.value === category) input.focus();
  }

  keyed(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9]$/.test(keyOf(event))) return;
    if (
      target instanceof HTMLElement &&
      (target.isContentEditable || target.matches("textarea, select, input:not([type=radio], [type=checkbox])"))
    )
      return;
    if (
      document.querySelector("dialog[open]") ||
      (document.querySelectorAll(KINDS).length > 1 && !event.composedPath().includes(this))
    )
      return;
    const input = this.shadowRoot.querySelectorAll("input")[keyOf(event) === "0" ? this.categories.length : keyOf(event) - 1];
    input?.click();
  }

  get value() {
    const answer = this.submittable();
    return this.constructor.isMany ? (answer?.labels ?? []) : (answer?.label ?? "");
  }

  set value(value) {
    this.restore(typeof value === "string" ? { label: value } : Array.isArray(value) ? { labels: value } : value);
  }

  get _submittableValue() {
    return this.submittable();
  }

  submittable() {
    return this.selection.answer(this.categories);
  }

  restore(state) {
    this.selection.restore(state);
    this.show();
  }

  reset() {
    this.selection.clear();
    this.show();
  }

  nothing() {
    this.reset();
    this.isNothing = this.constructor.isMany;
  }

  problem() {
    return this.isNothing ? "" : this.selection.problem();
  }

  showProblem(message) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    if (message) this.shadowRoot.querySelector("input")?.focus();
  }

  showInstructions() {
    return this.instructions.show();
  }
}

const KINDS = "crowd-classifier, crowd-classifier-multi-select";
const COMMON = { header: TEXT, categories: LIST, exclusionCategory: JSON5, required: FLAG };

define("crowd-classifier", class CrowdClassifier extends Classifier {}, COMMON);
define(
  "crowd-classifier-multi-select",
  class CrowdClassifierMultiSelect extends Classifier {
    static isMany = true;
  },
  COMMON,
);
