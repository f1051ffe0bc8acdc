// crowd-semantic-segmentation and crowd-instance-segmentation: a mask of the picture's size, painted by brush or outline.
import { define } from "./element.js";
import { keyOf } from "./keys.js";
import { exact } from "./stage/colours.js";
import { WINDOW, pick } from "./stage/layout.js";
import { Mask } from "./stage/mask.js";
import { ARROWS, ImageTool } from "./stage/tool.js";

const SMALLEST = 0.5; // natural pixels of the brush's radius
const LARGEST = 500;

class MaskTool extends ImageTool {
  build() {
    const canvas = document.createElement("canvas");
    canvas.style.cssText = "position:absolute;left:0;top:0;opacity:.5;image-rendering:pixelated;max-width:none";
    this.mask = new Mask(canvas);
    this.mode = "brush";
    this.radius = 8;
    this.cursor = null; // where the keys paint, and where the pointer is
    this.outline = null;
    this.isTouched = false;
    super.build();
    this.shadowRoot.querySelector(".under").append(canvas);
  }

  reset() {
    this.waiting = this.initialValue;
    this.wasInitial = this.initialValue !== null;
    this.isTouched = false;
    this.labelled();
    if (this.isLoaded) this.opened();
  }

  opened() {
    this.mask.resize(this.size.width, this.size.height);
    Object.assign(this.mask.canvas.style, { width: `${this.size.width}px`, height: `${this.size.height}px` });
    this.begin();
    if (this.waiting) this.takeMask(this.waiting, false);
    this.waiting = null;
    this.cursor = { x: this.size.width / 2, y: this.size.height / 2 };
  }

  /** A new beginning, without marks. */
  begin() {
    this.history.begin(this.state);
    this.shown();
  }

  /** Takes a mask of before: {src} or {labeledImage}, with what its colours mean. */
  takeMask(value, isDraft) {
    const data = value.labeledImage?.pngImageData;
    const source = data ? `data:image/png;base64,${data}` : value.src;
    const numbers = this.readMeanings(value);
    if (!source) return this.begin();
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.onload = () => {
      this.mask.read(image, numbers);
      this.isTouched = isDraft;
      this.begin();
      this.mask.show(this.colours());
    };
    image.onerror = () => window.claryFrame?.report(`The mask ${source.slice(0, 80)} could not be loaded.`, "", 0);
    image.src = source.startsWith("data:") || source.includes("/") ? source : `data:image/png;base64,${source}`;
    return undefined;
  }

  restore(value) {
    if (this.isLoaded) this.takeMask(value, true);
    else this.waiting = value;
  }

  shown() {
    super.shown();
    this.mask.show(this.colours());
    this.list();
  }

  labelled() {
    super.labelled();
    if (this.isLoaded) this.shown();
  }

  nothing() {
    this.clear();
    this.isNothing = true;
  }

  problem() {
    if (!this.isLoaded) return "The picture is not there yet.";
    return this.isNothing || this.mask.used().size
      ? ""
      : 'Paint something first. If there is nothing to paint, choose "Nothing here" (N).';
  }

  withMask(more) {
    const answer = {
      ...more,
      labeledImage: { pngImageData: this.mask.png(this.colours()) },
      inputImageProperties: this.inputImageProperties,
    };
    if (this.wasInitial) answer.initialValueModified = this.isTouched;
    return answer;
  }

  changedMarks(spoken) {
    this.isTouched = true;
    super.changedMarks(spoken);
  }

  // Painting.

  setMode(mode) {
    this.mode = mode;
    this.say({ brush: "Brush", erase: "Eraser", outline: "Outline" }[mode]);
    this.list();
    this.draw();
  }

  down(point) {
    if (this.mode !== "erase" && !this.canPaint()) return;
    if (this.mode === "outline") this.outline = [point];
    else this.paint(point, point);
    this.last = point;
  }

  move(point) {
    if (!this.last) return;
    if (this.outline) this.outline.push(point);
    else this.paint(this.last, point);
    this.last = point;
    this.cursor = point;
    this.draw();
  }

  up() {
    if (!this.last) return;
    this.last = null;
    if (this.outline?.length > 2) this.mask.fill(this.outline, this.number());
    this.outline = null;
    this.changedMarks(this.mode === "erase" ? "Erased" : `Painted ${this.label}`);
  }

  cancel() {
    this.last = null;
    this.outline = null;
    this.state = JSON.parse(this.history.now);
    this.shown();
  }

  paint(from, to) {
    const part = this.mask.stroke(from, to, this.radius, this.mode === "erase" ? 0 : this.number());
    this.mask.show(this.colours(), part);
  }

  canPaint() {
    if (this.label !== null) return true;
    this.showProblem("There is no label to paint with: add one first.");
    return false;
  }

  hover(point) {
    this.cursor = point;
    this.draw();
  }

  hide() {
    super.hide();
    this.mask.canvas.hidden = this.marks.hasAttribute("hidden");
  }

  drawMarks() {
    const at = (point) => Object.values(this.view.toStage(point.x, point.y));
    const outline = this.outline
      ? `<polygon points="${this.outline.map(at).join(" ")}" fill="none" stroke="white" stroke-width="1.5" stroke-dasharray="4 3"/>`
      : "";
    if (!this.cursor || this.mode === "outline") return void (this.marks.innerHTML = outline);
    const [x, y] = at(this.cursor);
    this.marks.innerHTML = `<circle cx="${x}" cy="${y}" r="${Math.max(this.radius * this.view.scale, 2)}" fill="none" stroke="white" stroke-width="1"/>`;
    return undefined;
  }

  key(event) {
    const key = keyOf(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return super.key(event);
    const modes = { b: "brush", e: "erase", l: "outline" };
    if (modes[key]) return done(this.setMode(modes[key]));
    if (key === "[" || key === "]") return done(this.resizeBrush(key === "]" ? 1.25 : 0.8));
    if (key === "a") return this.stamp();
    if (ARROWS[key]) return this.step(ARROWS[key], event.shiftKey);
    return super.key(event);
  }

  resizeBrush(factor) {
    this.radius = Math.min(Math.max(this.radius * factor, SMALLEST), LARGEST);
    this.say(`Brush ${Math.round(this.radius * 2)} pixels`);
    this.draw();
  }

  stamp() {
    if (this.mode === "erase" || this.canPaint()) {
      this.paint(this.cursor, this.cursor);
      this.changedMarks(this.mode === "erase" ? "Erased" : `Painted ${this.label}`);
    }
    return true;
  }

  step([x, y], isPainting) {
    const by = Math.max(1, Math.round(this.radius));
    const to = {
      x: Math.min(Math.max(this.cursor.x + x * by, 0), this.size.width - 1),
      y: Math.min(Math.max(this.cursor.y + y * by, 0), this.size.height - 1),
    };
    if (isPainting && (this.mode === "erase" || this.canPaint())) {
      this.paint(this.cursor, to);
      this.changedMarks();
    }
    this.cursor = to;
    this.draw();
    return true;
  }

  modeRows() {
    const modes = [
      ["brush", "Brush", "B"],
      ["outline", "Outline", "L"],
      ["erase", "Eraser", "E"],
    ];
    const rows = modes.map(([mode, name, key]) =>
      pick({ name, more: key, pressed: this.mode === mode, onPick: () => this.setMode(mode) }),
    );
    const size = (name, key, factor) => pick({ name, more: key, onPick: () => this.resizeBrush(factor) });
    return [...rows, size("Smaller", "[", 0.8), size("Larger", "]", 1.25)];
  }
}

const PAINT = [
  ["Paint", "drag, `A`"],
  ["Move, paint", "`Arrows`, `Shift`"],
  ["Undo, redo", "`Ctrl Z` `Ctrl Y`"],
];

export class CrowdSemanticSegmentation extends MaskTool {
  static noun = "tools";
  static keys = { Window: [...WINDOW, ["Hide the mask", "`H`"]], Paint: PAINT };

  get state() {
    return this.mask.runs;
  }

  set state(runs) {
    this.mask.runs = runs;
  }

  clear() {
    this.mask.values.fill(0);
    this.changedMarks("All removed");
  }

  /** Labels that are gone from the list keep their number. */
  names() {
    this.known ??= [];
    for (const label of this.labels) if (!this.known.includes(label)) this.known.push(label);
    return this.known;
  }

  number() {
    return this.names().indexOf(this.label) + 1;
  }

  colours() {
    return this.names().map((_, place) => [place + 1, exact(place)]);
  }

  colour(label) {
    return exact(Math.max(this.names().indexOf(label), 0));
  }

  list() {
    this.shadowRoot.querySelector(".marked").replaceChildren(...this.modeRows());
  }

  readMeanings({ labelMappings }) {
    const numbers = [];
    for (const [label, { color }] of Object.entries(labelMappings ?? {})) {
      if (!this.names().includes(label)) this.known.push(label);
      if (color) numbers.push([color.toLowerCase(), this.known.indexOf(label) + 1]);
    }
    return numbers;
  }

  submittable() {
    const used = this.mask.used();
    const named = this.names().map((label, place) => [label, { color: exact(place) }, place + 1]);
    const shown = named.filter(([label, , number]) => this.labels.includes(label) || used.has(number));
    return this.withMask({ labelMappings: Object.fromEntries(shown) });
  }
}

export class CrowdInstanceSegmentation extends MaskTool {
  static noun = "instances";
  static keys = {
    Window: [...WINDOW, ["Hide the mask", "`H`"]],
    Paint: [["New instance", "`Esc`"], ["Choose one", "`Tab`"], ["Delete it", "`Del`"], ...PAINT],
  };

  build() {
    this.instances = []; // {label, number}
    this.current = 0; // the number of the chosen one; 0: the next stroke makes one
    super.build();
  }

  get state() {
    return { instances: this.instances, runs: this.mask.runs };
  }

  set state({ instances, runs } = { instances: [], runs: [] }) {
    this.instances = instances;
    this.mask.runs = runs;
    if (!instances.some((each) => each.number === this.current)) this.current = 0;
  }

  clear() {
    this.instances = [];
    this.current = 0;
    this.mask.values.fill(0);
    this.changedMarks("All removed");
  }

  number() {
    if (this.current) return this.current;
    this.current = Math.max(0, ...this.instances.map((each) => each.number)) + 1;
    this.instances = [...this.instances, { label: this.label, number: this.current }];
    return this.current;
  }

  colours() {
    return this.instances.map(({ number }) => [number, exact(number - 1)]);
  }

  choose(label) {
    super.choose(label);
    const found = this.instances.find((each) => each.number === this.current);
    if (!found || found.label === label) return;
    this.instances = this.instances.map((each) => (each === found ? { ...each, label } : each));
    this.changedMarks(`Label ${label}`);
  }

  pickInstance(number) {
    this.current = number;
    const found = this.instances.find((each) => each.number === number);
    if (found) this.label = found.label;
    this.showLabels();
    this.list();
    this.say(found ? `${found.label}, ${number} of ${this.instances.length}` : "A new one");
  }

  key(event) {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && event.key === "Escape" && this.current) return done(this.pickInstance(0));
    if (isPlain && event.key === "Delete" && this.current) return done(this.remove());
    if (isPlain && event.key === "Tab" && this.instances.length && event.composedPath()[0] === this.stage) {
      const place = this.instances.findIndex((each) => each.number === this.current) + (event.shiftKey ? -1 : 1);
      this.pickInstance(this.instances[place]?.number ?? 0);
      return Boolean(this.current);
    }
    return super.key(event);
  }

  remove() {
    this.mask.replace(this.current, 0);
    this.instances = this.instances.filter((each) => each.number !== this.current);
    this.current = 0;
    this.changedMarks("Removed");
  }

  list() {
    const rows = this.instances.map(({ label, number }) =>
      pick({
        name: label,
        colour: exact(number - 1),
        more: "",
        current: number === this.current,
        onPick: () => this.pickInstance(number),
      }),
    );
    rows.push(pick({ name: "New instance", more: "", current: this.current === 0, onPick: () => this.pickInstance(0) }));
    this.shadowRoot.querySelector(".marked").replaceChildren(...rows, ...this.modeRows());
  }

  readMeanings({ instances }) {
    this.instances = (instances ?? []).map(({ label }, place) => ({ label, number: place + 1 }));
    this.current = 0;
    return (instances ?? []).map(({ color }, place) => [color.toLowerCase(), place + 1]);
  }

  /** Those that were painted over as a whole are none any more. */
  submittable() {
    const used = this.mask.used();
    const instances = this.instances
      .filter(({ number }) => used.has(number))
      .map(({ label, number }) => ({ color: exact(number - 1), label }));
    return this.withMask({ instances });
  }
}

function done() {
  return true;
}

define("crowd-semantic-segmentation", CrowdSemanticSegmentation, ImageTool.tools);
define("crowd-instance-segmentation", CrowdInstanceSegmentation, ImageTool.tools);
