// What all tools that work on a picture have in common: the picture, zoom and pan, window and level, labels, undo, keys.
import { CrowdElement, JSON5, LIST, TEXT, escaped } from "../element.js";
import { Instructions } from "../instructions.js";
import { keyOf } from "../keys.js";
import { shown } from "./colours.js";
import { History } from "./history.js";
import { STYLES, html, pick } from "./layout.js";
import { Levels } from "./levels.js";
import { Pointers } from "./pointers.js";
import { stored } from "./stored.js";
import { View } from "./view.js";

const STEP = 40; // CSS pixels that a key pans
const MANY = 10; // labels from which on there is a field to find one

export class ImageTool extends CrowdElement {
  static tools = { src: TEXT, header: TEXT, labels: LIST, initialValue: JSON5 };
  static noun = "marks";
  static without = []; // actions that it has no use for
  static keys = {};

  build() {
    this.classList.add("clary-picture");
    this.shadow(STYLES, html(this.header, this.constructor.noun, this.constructor.keys));
    const find = (query) => this.shadowRoot.querySelector(query);
    [this.stage, this.picture, this.image, this.marks, this.notice, this.live] = [
      ".stage",
      ".picture",
      "img",
      ".marks",
      ".notice",
      "[data-live]",
    ].map(find);
    this.stage.dataset.byPointer = ""; // no ring until somebody comes by Tab
    this.instructions = new Instructions(this);
    this.view = new View();
    this.levels = new Levels(this.image, find("canvas"));
    this.history = new History();
    this.label = null; // the one that new marks get
    this.isNothing = false;
    this.wasInitial = null;
    this.pending = null;
    this.isLoaded = false;
    this.listen(find);
    this.reset();
    this.load();
  }

  listen(find) {
    new Pointers(this);
    new ResizeObserver(([entry]) => this.resized(entry.contentRect)).observe(this.stage);
    window.addEventListener("keydown", (event) => this.keyed(event));
    window.addEventListener("resize", () => this.take());
    find(".filter").addEventListener("input", () => this.showLabels());
    find("h1").hidden = !this.header;
    const short = find('slot[name="short-instructions"]');
    short.addEventListener("slotchange", () =>
      short.parentElement.toggleAttribute("data-more", short.assignedElements().length > 0),
    );
    for (const button of this.shadowRoot.querySelectorAll("[data-act]")) {
      button.hidden = !this[button.dataset.act] || this.constructor.without.includes(button.dataset.act);
      button.addEventListener("click", () => this[button.dataset.act]());
    }
    const full = find("[data-full]");
    if (full) full.hidden = !this.querySelector("full-instructions");
    full?.addEventListener("click", () => this.showInstructions());
    this.image.addEventListener("load", () => this.loaded());
    this.image.addEventListener("error", () => this.failed());
    this.take();
  }

  changed(name) {
    if (name === "src") this.load();
    if (name === "labels") this.labelled();
    if (name === "initialValue") this.reset();
    const header = this.shadowRoot.querySelector("h1");
    header.textContent = this.header;
    header.hidden = !this.header;
  }

  // The picture.

  async load() {
    const address = this.src;
    this.isLoaded = false;
    this.levels.forget();
    this.levels.apply();
    this.notice.className = "notice";
    this.notice.textContent = address ? "Loading the picture" : "This task names no picture.";
    this.image.removeAttribute("src");
    if (!address) return;
    const { url, isCopy, status } = await stored(address);
    if (address !== this.src) return; // another one is asked for by now
    if (status) this.failed(status);
    else this.image.src = url;
    if (isCopy) this.image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
  }

  failed(status = 0) {
    if (!this.image.getAttribute("src") && !status) return;
    const why =
      { 403: "you may not read it, or its address has ended", 404: "it is not there" }[status] ??
      "it is no picture that a browser can show";
    this.notice.className = "notice problem";
    this.notice.textContent = `The picture could not be loaded: ${why}. Open the task again, or skip it.`;
    window.claryFrame?.report(`The picture ${this.src.split("?")[0]} could not be loaded: ${why}.`, "", 0);
  }

  loaded() {
    this.isLoaded = true;
    this.notice.textContent = "";
    this.view.natural = { width: this.image.naturalWidth, height: this.image.naturalHeight };
    for (const part of [this.image, this.levels.canvas]) {
      part.style.width = `${this.view.natural.width}px`;
      part.style.height = `${this.view.natural.height}px`;
    }
    this.view.fit();
    this.opened();
    this.levels.apply();
    this.draw();
    this.dispatchEvent(new Event("load"));
  }

  /** The picture is there: marks can be brought inside it. */
  opened() {}

  get size() {
    return this.view.natural;
  }

  resized({ width, height }) {
    this.view.resize(width, height);
    this.draw();
  }

  /** The stage fills what the rest of the form leaves of the window. */
  take() {
    const form = this.closest("crowd-form");
    if (!form || this.parentElement !== form || window.innerWidth <= 760) {
      this.style.height = "";
      return;
    }
    let others = 0;
    for (const child of form.children) if (child !== this) others += child.getBoundingClientRect().height;
    this.style.height = others > 0 ? `${Math.max(window.innerHeight - others, window.innerHeight * 0.7, 320)}px` : "";
  }

  // Drawing, once a frame at most.

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      const { scale, x, y } = this.view;
      this.picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      this.stage.classList.toggle("close-up", scale >= 3);
      this.drawMarks();
    });
  }

  drawMarks() {}

  level(level, width) {
    this.levels.move(level, width);
    this.showLevels();
  }

  showLevels() {
    if (this.levelling) return;
    this.levelling = requestAnimationFrame(() => {
      this.levelling = 0;
      this.levels.apply();
      const row = this.shadowRoot.querySelector('[data-row="Level, width"] > :last-child');
      if (row)
        row.textContent = this.levels.isFull ? "right drag" : `${Math.round(this.levels.level)}, ${Math.round(this.levels.width)}`;
    });
  }

  // Labels.

  labelled() {
    if (!this.labels.includes(this.label)) this.label = this.labels[0] ?? null;
    this.showLabels();
    this.draw();
  }

  colour(label) {
    const place = this.labels.indexOf(label);
    return place < 0 ? "#c4c9c5" : shown(place);
  }

  showLabels() {
    const list = this.shadowRoot.querySelector(".labels");
    const filter = this.shadowRoot.querySelector(".filter");
    const labels = this.labels;
    filter.hidden = labels.length <= MANY;
    const asked = filter.hidden ? "" : filter.value.trim().toLowerCase();
    const rows = labels
      .map((label, place) => ({ label, place }))
      .filter(({ label }) => String(label).toLowerCase().includes(asked));
    list.replaceChildren(
      ...rows.map(({ label, place }) =>
        pick({
          name: label,
          colour: this.colour(label),
          more: place < 9 ? String(place + 1) : "",
          pressed: label === this.label,
          onPick: () => this.choose(label),
        }),
      ),
    );
  }

  choose(label) {
    this.label = label;
    this.showLabels();
    this.say(`Label ${label}`);
  }

  // The answer.

  /** The marks, as texts can hold them. */
  get state() {
    return [];
  }

  set state(_) {}

  /** After a change that can be undone. */
  changedMarks(spoken) {
    this.isNothing = false;
    if (!this.history.keep(this.state)) return;
    this.shown();
    this.tellChange();
    if (spoken) this.say(spoken);
  }

  shown() {
    this.draw();
    this.showProblem("");
  }

  back(state) {
    if (state === null) return this.say("Nothing more");
    this.state = state;
    this.shown();
    return this.tellChange();
  }

  undo() {
    this.back(this.history.undo());
  }

  redo() {
    this.back(this.history.redo());
  }

  clear() {
    this.state = [];
    this.changedMarks("All removed");
  }

  nothing() {
    this.clear();
    this.isNothing = true;
  }

  get inputImageProperties() {
    return { height: this.size.height, width: this.size.width };
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

  showProblem(message) {
    this.shadowRoot.querySelector('.problem[data-for="marks"]').textContent = message;
    if (message) this.stage.focus();
  }

  showInstructions() {
    return this.instructions.show();
  }

  say(text) {
    this.live.textContent = text;
  }

  focus() {
    this.stage.focus();
  }

  // Keys.

  keyed(event) {
    if (event.defaultPrevented || !this.isLoaded || !this.hears(event)) return;
    if (this.key(event)) event.preventDefault();
  }

  /** Keys are the tool's wherever the focus is, but in fields; of several tools, that one's which has the focus. */
  hears(event) {
    const target = event.composedPath()[0];
    if (
      target instanceof HTMLElement &&
      (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"))
    )
      return false;
    if (target instanceof HTMLElement && [" ", "Enter"].includes(event.key) && target.matches("button, a[href], summary"))
      return false;
    if (target instanceof HTMLInputElement && event.key.startsWith("Arrow")) return false;
    if (this.shadowRoot.querySelector("dialog[open]") || document.querySelector("dialog[open]")) return false;
    const tools = document.querySelectorAll(".clary-picture");
    return tools.length < 2 || event.composedPath().includes(this);
  }

  /** Whether the key means something here. */
  key(event) {
    const key = keyOf(event);
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") return event.shiftKey ? done(this.redo()) : done(this.undo());
      return key === "y" ? done(this.redo()) : false;
    }
    if (event.altKey) return this.altKey(key);
    const middle = [this.view.stage.width / 2, this.view.stage.height / 2];
    if (key === "i") return done(this.invert());
    if (key === "r") return done(this.levels.reset(), this.showLevels());
    if (key === "0") return done(this.fit());
    if (key === "9" && this.labels.length < 9) return done(this.view.oneToOne(...middle), this.draw());
    if (key === "+" || key === "=") return done(this.view.zoom(1.25, ...middle), this.draw());
    if (key === "-") return done(this.view.zoom(0.8, ...middle), this.draw());
    if (key === "h") return done(this.hide());
    if (/^[1-9]$/.test(key) && this.labels[key - 1] !== undefined) return done(this.choose(this.labels[key - 1]));
    const arrow = ARROWS[key];
    return arrow ? done(this.view.pan(-arrow[0] * STEP, -arrow[1] * STEP), this.draw()) : false;
  }

  /** Alt with the arrows is window and level. */
  altKey(key) {
    const arrow = ARROWS[key];
    return arrow ? done(this.level(arrow[1] * 4, arrow[0] * 8)) : false;
  }

  fit() {
    this.view.fit();
    this.draw();
  }

  invert() {
    this.levels.isInverted = !this.levels.isInverted;
    this.showLevels();
  }

  hide() {
    this.marks.toggleAttribute("hidden");
    this.say(this.marks.hasAttribute("hidden") ? "Hidden" : "Shown");
  }

  // The pointer, of which `Pointers` tells; points are natural.

  down() {}

  move() {}

  up() {}

  cancel() {}

  /** What the cursor is to say at this point. */
  cursorAt() {
    return "";
  }
}

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function done() {
  return true;
}

export { escaped };
