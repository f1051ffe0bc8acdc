// crowd-entity-annotation: {entities: [{label, startOffset, endOffset}]}, offsets in Unicode characters, the end exclusive.
import { CrowdElement, JSON5, LIST, TEXT, define } from "./element.js";
import { Instructions } from "./instructions.js";
import { keyOf } from "./keys.js";
import { isFramed } from "./page.js";
import { shown } from "./stage/colours.js";
import { History } from "./stage/history.js";
import { pick } from "./stage/layout.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: block } .form { display: block; padding: 16px 300px 16px 16px; position: relative }
  .side { width: 260px; position: absolute; top: 16px; right: 16px; font-size: 13px; display: grid; gap: 20px } .side h3 { font-size: 12px; color: var(--clary-muted); font-weight: 500; margin: 0 0 6px } h2 { margin-bottom: 12px }
  .text { font-size: 16px; line-height: 2; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--clary-line); border-radius: 8px; padding: 12px 16px; cursor: text }
  .entity { --c: var(--clary-muted); background: color-mix(in srgb, var(--c) 30%, transparent); border-bottom: 2px solid var(--c); border-radius: 3px; padding: 2px 0; cursor: pointer }
  .entity.chosen { outline: 2px solid var(--clary-accent) } .entity sup { user-select: none; font: 600 11px var(--clary-body); margin: 0 2px 0 3px } .picked { background: var(--clary-accent-soft); outline: 1px solid var(--clary-accent) }
  .remove { all: unset; user-select: none; cursor: pointer; font-size: 12px; padding: 0 4px } .remove:focus-visible { outline: 2px solid var(--clary-accent) }
  .rows { list-style: none; margin: 0; padding: 0 } .rows > li { border-top: 1px solid var(--clary-line); display: flex; justify-content: space-between; gap: 8px; align-items: center; min-height: 28px }
  .pick { all: unset; flex: 1; display: flex; justify-content: space-between; gap: 8px; padding: 4px 6px; border-radius: 4px; cursor: pointer } .pick:hover { background: var(--clary-sunken) } .pick:focus-visible { outline: 2px solid var(--clary-accent) }
  .pick[aria-pressed="true"] { background: var(--clary-accent-soft) } .name { display: flex; gap: 8px; align-items: center } .swatch { width: 10px; height: 10px; border-radius: 2px }
  @media (max-width: 760px) { .form { padding: 16px } .side { position: static; width: auto; margin-top: 16px } }
`);
const KEYS = [
  ["Mark", "select, then label"],
  ["Word", "← →"],
  ["More words", "Shift → ←"],
  ["Apply", "1–9, Enter"],
  ["Choose", "click, Tab"],
  ["Delete", "Del"],
  ["Undo, redo", "Ctrl Z, Ctrl Y"],
];

export class CrowdEntityAnnotation extends CrowdElement {
  build() {
    const isAlone = !this.closest("crowd-form"); // it then is its own form
    this.bringsForm = isAlone;
    const tag = isAlone ? "crowd-form" : "div";
    this.shadow(
      STYLES,
      `<${tag} class="form"><h2></h2><div class="annotation-area"><div class="text" tabindex="0" role="textbox" aria-readonly="true" aria-multiline="true"></div>
      <div class="side awsui-app-layout__navigation"><div><slot name="short-instructions"></slot></div>
      ${isFramed ? "" : '<button class="button plain" type="button" data-full>Full instructions</button>'}
      <section class="category-picker-wrapper"><h3>Labels</h3><ul class="rows labels"></ul><div class="problem" role="alert"></div></section>
      <section><h3>Keys</h3><ul class="rows">${KEYS.map(([what, how]) => `<li><span>${what}</span><span class="muted">${how}</span></li>`).join("")}</ul></section></div></div>
      <slot></slot></${tag}>${Instructions.html}<div class="unseen" aria-live="polite"></div>`,
    );
    this.box = this.shadowRoot.querySelector(".text");
    this.instructions = new Instructions(this);
    this.shadowRoot.querySelector("[data-full]")?.addEventListener("click", () => this.showInstructions());
    this.history = new History();
    this.label = null;
    this.span = null; // {from, to} that the next label is for
    this.caret = 0; // from where the keys go on
    this.chosen = -1;
    this.isNothing = false;
    this.box.addEventListener("pointerup", () => setTimeout(() => this.fromSelection()));
    this.box.addEventListener("click", (event) => this.clicked(event));
    window.addEventListener("keydown", (event) => this.keyed(event));
    this.reset();
  }

  changed(name) {
    if (name === "initialValue" || name === "text") this.reset();
    else this.show();
  }

  reset() {
    this.letters = Array.from(this.text); // characters, not UTF-16's halves of them
    this.begin(this.initialValue);
  }

  begin(value) {
    const list = Array.isArray(value) ? value : (value?.entities ?? []);
    const isSpan = ({ startOffset, endOffset }) => startOffset >= 0 && startOffset < endOffset && endOffset <= this.letters.length;
    this.entities = list.filter(isSpan).map(({ label, startOffset, endOffset }) => ({ label, startOffset, endOffset }));
    this.sort();
    this.span = null;
    this.chosen = -1;
    this.history.begin(this.entities);
    this.show();
  }

  restore(value) {
    this.begin(value);
  }

  sort() {
    this.entities.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  }

  /** [{label, shortDisplayName, fullDisplayName}], whichever way they were given. */
  get kinds() {
    return this.labels.map((each) => (typeof each === "string" ? { label: each } : each));
  }

  colour(label) {
    return shown(
      Math.max(
        this.kinds.findIndex((each) => each.label === label),
        0,
      ),
    );
  }

  // What is shown.

  show() {
    this.shadowRoot.querySelector("h2").textContent = this.header;
    this.box.setAttribute("aria-label", this.header || "Text to mark");
    if (!this.kinds.some((each) => each.label === this.label)) this.label = this.kinds[0]?.label ?? null;
    const rows = this.kinds.map(({ label, fullDisplayName, longDisplayName, shortDisplayName }, place) =>
      pick({
        name: fullDisplayName || longDisplayName || shortDisplayName || label,
        colour: this.colour(label),
        more: place < 9 ? String(place + 1) : "",
        pressed: label === this.label,
        onPick: () => this.apply(label),
      }),
    );
    this.shadowRoot.querySelector(".labels").replaceChildren(...rows);
    this.box.replaceChildren(...this.pieces());
  }

  pieces() {
    const pieces = [];
    let at = 0;
    this.entities.forEach((entity, place) => {
      if (entity.startOffset < at) return;
      pieces.push(...this.plain(at, entity.startOffset), this.marked(entity, place));
      at = entity.endOffset;
    });
    return [...pieces, ...this.plain(at, this.letters.length)];
  }

  plain(from, to) {
    const piece = (a, b) => this.piece("span", a, b);
    if (!this.span || this.span.to <= from || this.span.from >= to) return from < to ? [piece(from, to)] : [];
    const [a, b] = [Math.max(from, this.span.from), Math.min(to, this.span.to)];
    const picked = piece(a, b);
    picked.classList.add("picked");
    return [...(from < a ? [piece(from, a)] : []), picked, ...(b < to ? [piece(b, to)] : [])];
  }

  piece(tag, from, to) {
    const piece = document.createElement(tag);
    piece.textContent = this.letters.slice(from, to).join("");
    piece.dataset.from = from;
    return piece;
  }

  marked(entity, place) {
    const kind = this.kinds.find((each) => each.label === entity.label);
    const mark = document.createElement("span");
    mark.className = `entity${place === this.chosen ? " chosen" : ""}`;
    mark.dataset.place = place;
    mark.style.setProperty("--c", this.colour(entity.label));
    const short = document.createElement("sup");
    short.textContent = kind?.shortDisplayName || entity.label;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "remove";
    remove.tabIndex = -1;
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Remove ${entity.label}`);
    mark.append(this.piece("span", entity.startOffset, entity.endOffset), short, remove);
    return mark;
  }

  // Choosing and marking.

  /** The letters that the browser's selection holds. */
  fromSelection() {
    const selection = this.shadowRoot.getSelection?.() ?? document.getSelection();
    if (!selection || selection.rangeCount === 0) return;
    const range = selection.getComposedRanges
      ? selection.getComposedRanges({ shadowRoots: [this.shadowRoot] })[0]
      : selection.getRangeAt(0);
    const [from, to] = [
      this.offset(range.startContainer, range.startOffset),
      this.offset(range.endContainer, range.endOffset),
    ].sort((a, b) => a - b);
    selection.removeAllRanges();
    if (from === null || to === null || from >= to) return;
    this.span = this.trimmed(from, to);
    if (this.span && this.kinds.length === 1) this.apply(this.label);
    else this.show();
  }

  offset(node, offset) {
    const piece = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node)?.closest?.("[data-from]");
    if (!piece || !this.box.contains(piece)) return node === this.box && offset > 0 ? this.letters.length : null;
    const before = node.nodeType === Node.TEXT_NODE ? node.data.slice(0, offset) : offset > 0 ? piece.textContent : "";
    return Number(piece.dataset.from) + Array.from(before).length;
  }

  /** Without blanks at its ends. */
  trimmed(from, to) {
    let [a, b] = [from, to];
    while (a < b && this.letters[a].trim() === "") a += 1;
    while (b > a && this.letters[b - 1].trim() === "") b -= 1;
    return a < b ? { from: a, to: b } : null;
  }

  clicked(event) {
    const mark = event.target.closest(".entity");
    if (!mark || this.span) return;
    this.chosen = Number(mark.dataset.place);
    if (event.target.closest(".remove")) this.remove();
    else this.show();
  }

  /** A label for what is selected, or for the chosen entity. */
  apply(label) {
    this.label = label;
    if (this.span) this.mark(label);
    else if (this.entities[this.chosen]) this.replaceLabel(label);
    else this.show();
  }

  replaceLabel(label) {
    this.entities = this.entities.map((each, place) => (place === this.chosen ? { ...each, label } : each));
    this.step(`Label ${label}`);
  }

  /** What lies wholly inside is replaced; a part of an entity cannot be marked. */
  mark(label) {
    const { from, to } = this.span;
    const meets = this.entities.filter((each) => each.startOffset < to && each.endOffset > from);
    if (meets.some((each) => each.startOffset < from || each.endOffset > to))
      return this.showProblem("A part of what is marked cannot be marked again. Remove it first.");
    const entity = { label, startOffset: from, endOffset: to };
    this.entities = [...this.entities.filter((each) => !meets.includes(each)), entity];
    this.sort();
    this.chosen = this.entities.indexOf(entity);
    this.span = null;
    return this.step(`${label}: ${this.letters.slice(from, to).join("")}`);
  }

  remove() {
    if (!this.entities[this.chosen]) return;
    const [gone] = this.entities.splice(this.chosen, 1);
    this.entities = [...this.entities];
    this.chosen = -1;
    this.step(`Removed ${gone.label}`);
  }

  step(spoken) {
    this.isNothing = false;
    this.history.keep(this.entities);
    this.showProblem("");
    this.shadowRoot.querySelector("[aria-live=polite]").textContent = spoken;
    this.show();
    this.tellChange();
  }

  back(state) {
    if (state === null) return;
    this.entities = state;
    this.chosen = -1;
    this.show();
    this.tellChange();
  }

  keyed(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || document.querySelector("dialog[open]") || this.shadowRoot.querySelector("dialog[open]")) return;
    if (target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]")) return;
    if (this.key(event, target)) event.preventDefault();
  }

  key(event, target) {
    const key = keyOf(event);
    if (event.ctrlKey || event.metaKey) {
      if (key === "z" && !event.shiftKey) return done(this.back(this.history.undo()));
      return key === "y" || key === "z" ? done(this.back(this.history.redo())) : false;
    }
    if (event.altKey) return false;
    if (/^[1-9]$/.test(key) && this.kinds[key - 1]) return done(this.apply(this.kinds[key - 1].label));
    if (key === "Enter" && this.span && !target.matches?.("button")) return done(this.apply(this.label));
    if (key === "Delete" || key === "Backspace") return this.entities[this.chosen] ? done(this.remove()) : false;
    if (key === "Escape") return this.span || this.chosen >= 0 ? done((this.span = null), (this.chosen = -1), this.show()) : false;
    if (key === "Tab" && target === this.box) return this.tab(event.shiftKey ? -1 : 1);
    if ((key === "ArrowRight" || key === "ArrowLeft") && !target.matches?.("crowd-radio-button"))
      return done(this.word(key === "ArrowRight" ? 1 : -1, event.shiftKey));
    return false;
  }

  tab(by) {
    const next = this.chosen + by;
    this.span = null;
    this.chosen = next >= 0 && next < this.entities.length ? next : -1;
    this.show();
    return this.chosen >= 0;
  }

  /** {from, to} of each, in characters, by the rules of its language. */
  words() {
    const words = [];
    let at = 0;
    for (const { segment, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(this.letters.join(""))) {
      const end = at + Array.from(segment).length;
      if (isWordLike) words.push({ from: at, to: end });
      at = end;
    }
    return words;
  }

  /** The next or previous word as what is selected; or its end by a word. */
  word(by, isMore) {
    const words = this.words();
    const isFree = ({ from, to }) => !this.entities.some((each) => each.startOffset < to && each.endOffset > from);
    const free = words.filter(isFree);
    const { span } = this;
    const [from, to] = span ? [span.from, span.to] : [this.caret, this.caret];
    if (span && isMore && by > 0) this.span = { from, to: words.find((each) => each.from >= to)?.to ?? to };
    else if (span && isMore) this.span = { from, to: words.findLast((each) => each.to < to && each.from >= from)?.to ?? to };
    else this.span = (by > 0 ? free.find((each) => each.from >= to) : free.findLast((each) => each.to <= from)) ?? span;
    if (!this.span) return;
    this.caret = this.span.to;
    this.chosen = -1;
    this.shadowRoot.querySelector("[aria-live=polite]").textContent = this.letters.slice(this.span.from, this.span.to).join("");
    this.show();
  }

  // The answer.

  submittable() {
    return { entities: this.entities.map(({ label, startOffset, endOffset }) => ({ endOffset, label, startOffset })) };
  }

  get value() {
    return this.submittable();
  }

  set value(value) {
    this.restore(value);
  }

  get _submittableValue() {
    return this.submittable();
  }

  nothing() {
    this.entities = [];
    this.step("All removed");
    this.isNothing = true;
  }

  problem() {
    return this.entities.length || this.isNothing
      ? ""
      : 'Mark something first. If there is nothing to mark, choose "Nothing here" (N).';
  }

  showProblem(message) {
    this.shadowRoot.querySelector(".problem").textContent = message;
    if (message) this.box.focus();
  }

  showInstructions() {
    return this.instructions.show();
  }
}

function done() {
  return true;
}

define("crowd-entity-annotation", CrowdEntityAnnotation, { header: TEXT, text: TEXT, labels: LIST, initialValue: JSON5 });
