// Tools whose marks are shapes with a label: choosing, moving, listing, deleting. A subclass says what its shape is.
import { escaped } from "../element.js";
import { keyOf } from "../keys.js";
import { pick } from "./layout.js";
import { ARROWS, ImageTool } from "./tool.js";

const NEAR = 8; // CSS pixels within which a handle or a line is meant
const NEAR_TOUCH = 18;
const STILL = 4; // CSS pixels that a click may move

export const EDIT = [
  ["Add", "`A`"],
  ["Choose", "`Tab`"],
  ["Nudge", "`Arrows`"],
];
export const END = [
  ["Delete", "`Del`"],
  ["Undo, redo", "`Ctrl Z` `Ctrl Y`"],
];

export class ShapeTool extends ImageTool {
  static many = "shapes"; // the member of the answer
  static one = "shape";

  build() {
    this.shapes = [];
    this.chosen = -1;
    this.doing = null; // {kind, at, was, …} while the pointer is down
    super.build();
  }

  // What subclasses say of their shape. Coordinates are natural pixels.

  /** Where it can be grabbed: [{x, y, cursor}]. */
  handles(_shape) {
    return [];
  }

  /** Whether a point belongs to it. */
  covers(_shape, _point, _near) {
    return false;
  }

  /** The shape with a handle brought to a point. */
  dragged(shape, _handle, _point) {
    return shape;
  }

  /** The shape shifted, and kept inside the picture. */
  shifted(shape, _x, _y) {
    return shape;
  }

  /** SVG of the shape in the stage's coordinates, by `at(x, y)`. */
  sketch(_shape, _at) {
    return "";
  }

  /** Where its label stands: {x, y} on the stage, of the lower left corner. */
  anchor(_shape, _at) {
    return { x: 0, y: 0 };
  }

  /** One line of the list. */
  words(_shape) {
    return "";
  }

  /** A new one around a point, for the keyboard. */
  fresh(_point, _reach) {
    return {};
  }

  /** As the answer holds it. */
  written(shape) {
    return shape;
  }

  /** Of an answer or an initial value; null if it is none. */
  readShape(raw) {
    return raw;
  }

  // The answer.

  get state() {
    return this.shapes;
  }

  set state(shapes) {
    this.shapes = shapes;
    this.chosen = Math.min(this.chosen, shapes.length - 1);
  }

  reset() {
    const raw = this.initialValue;
    this.begin(raw);
    this.wasInitial = raw === null ? null : JSON.stringify(this.shapes);
    this.labelled();
    this.shown();
  }

  begin(raw) {
    const list = Array.isArray(raw) ? raw : (raw?.[this.constructor.many] ?? []);
    this.shapes = list.map((each) => this.readShape(each)).filter(Boolean);
    this.chosen = -1;
    this.history.begin(this.shapes);
  }

  restore(value) {
    this.begin(value);
    this.shown();
  }

  submittable() {
    const many = this.constructor.many;
    const answer = { [many]: this.shapes.map((shape) => this.written(shape)), inputImageProperties: this.inputImageProperties };
    if (this.wasInitial !== null) answer.initialValueModified = JSON.stringify(this.shapes) !== this.wasInitial;
    return answer;
  }

  problem() {
    if (this.shapes.length > 0 || this.isNothing || !this.isLoaded) return this.isLoaded ? "" : "The picture is not there yet.";
    return `Draw a ${this.constructor.one} first. If there is none to draw, choose "Nothing here" (N).`;
  }

  /** The shapes as they are inside the picture, whose size is known now; no step that can be undone. */
  recheck(shapes) {
    this.shapes = shapes;
    if (this.history.before.length === 0) this.history.begin(shapes);
    if (this.wasInitial !== null && this.history.before.length === 0) this.wasInitial = JSON.stringify(shapes);
    this.shown();
  }

  // Drawing and lists.

  drawMarks() {
    const at = (x, y) => this.view.toStage(x, y);
    const parts = this.shapes.map((shape, place) => this.withLabel(shape, place, at));
    const chosen = this.shapes[this.chosen];
    if (chosen)
      parts.push(
        ...this.handles(chosen).map((handle) => square(at(handle.x, handle.y), this.colour(chosen.label), handle.isMiddle)),
      );
    this.marks.innerHTML = parts.join("") + this.guides(at);
  }

  /** What is drawn beside the shapes. */
  guides() {
    return "";
  }

  withLabel(shape, place, at) {
    const colour = this.colour(shape.label);
    const { x, y } = this.anchor(shape, at);
    const text = String(shape.label ?? "");
    const width = Math.max(28, widthOf(text) + 14);
    const top = y < 22 ? Math.max(y, 0) : y - 20;
    const isChosen = place === this.chosen;
    return `<g style="--c:${colour}" data-place="${place}" stroke="${colour}" fill="${colour}" stroke-width="${isChosen ? 2 : 1.5}">${this.sketch(shape, at)}
      <rect x="${x - 1}" y="${top}" width="${width}" height="20" rx="3" stroke="none"/><text x="${x + 6}" y="${top + 14.5}" stroke="none" fill="#0d1410"
      style="font:${FONT}">${escaped(text)}</text></g>`;
  }

  shown() {
    super.shown();
    const list = this.shadowRoot.querySelector(".marked");
    const rows = this.shapes.map((shape, place) =>
      pick({
        name: shape.label ?? "",
        colour: this.labels.length > 1 ? this.colour(shape.label) : "",
        more: this.words(shape),
        isMono: true,
        current: place === this.chosen,
        onPick: () => this.pickShape(place),
      }),
    );
    if (rows.length === 0) {
      const none = document.createElement("li");
      none.className = "muted";
      none.textContent = "None yet";
      rows.push(none);
    }
    list.replaceChildren(...rows);
  }

  pickShape(place) {
    this.chosen = place;
    const shape = this.shapes[place];
    if (shape) {
      this.label = this.labels.includes(shape.label) ? shape.label : this.label;
      this.showLabels();
      this.say(`${shape.label}, ${this.words(shape)}. ${place + 1} of ${this.shapes.length}`);
    }
    this.shown();
  }

  choose(label) {
    super.choose(label);
    const shape = this.shapes[this.chosen];
    if (!shape || shape.label === label) return;
    this.shapes[this.chosen] = { ...shape, label };
    this.changedMarks(`Label ${label}`);
  }

  /** A finished new shape. */
  add(shape) {
    this.shapes = [...this.shapes, { label: this.label, ...shape }];
    this.chosen = this.shapes.length - 1;
    const words = this.words(this.shapes[this.chosen]);
    this.changedMarks(`Added: ${this.label}, ${words}. ${this.shapes.length} in all`);
  }

  remove() {
    if (!this.shapes[this.chosen]) return false;
    const [gone] = this.shapes.splice(this.chosen, 1);
    this.shapes = [...this.shapes];
    this.chosen = Math.min(this.chosen, this.shapes.length - 1);
    this.changedMarks(`Removed: ${gone.label}. ${this.shapes.length} left`);
    return true;
  }

  replace(shape) {
    this.shapes = this.shapes.map((each, place) => (place === this.chosen ? shape : each));
  }

  // Keys.

  key(event) {
    const key = keyOf(event);
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && key === "Tab" && this.shapes.length > 0 && event.composedPath()[0] === this.stage)
      return this.tab(event.shiftKey ? -1 : 1);
    if (plain && (key === "Delete" || key === "Backspace")) return this.remove();
    if (plain && key === "Escape") return this.escape();
    if (plain && key === "a") return this.addByKey();
    const shape = this.shapes[this.chosen];
    if (plain && shape && ARROWS[key]) return this.arrow(shape, ARROWS[key], event);
    return super.key(event);
  }

  /** To the next one; behind the last one the focus goes on. */
  tab(by) {
    const next = this.chosen + by;
    if (next < -1 || next >= this.shapes.length || (next === -1 && by < 0)) {
      this.pickShape(-1);
      return false;
    }
    this.pickShape(next);
    return true;
  }

  escape() {
    if (this.doing) {
      this.cancel();
      return true;
    }
    if (this.chosen < 0) return false;
    this.pickShape(-1);
    return true;
  }

  addByKey() {
    if (!this.hasLabel()) return true;
    const { width, height } = this.view.stage;
    const middle = this.view.toNatural(width / 2, height / 2);
    const inside = { x: within(middle.x, this.size.width), y: within(middle.y, this.size.height) };
    this.add(this.fresh(inside, Math.min(width, height) / this.view.scale / 8));
    this.stage.focus();
    return true;
  }

  arrow(shape, [x, y], event) {
    this.replace(event.shiftKey ? this.stretched(shape, x, y) : this.shifted(shape, x, y));
    this.changedMarks(this.words(this.shapes[this.chosen]));
    return true;
  }

  stretched(shape, x, y) {
    return this.shifted(shape, x * 10, y * 10);
  }

  // The pointer. A drag in the chosen shape moves it, elsewhere it draws; a click chooses.

  near(point) {
    return (point.isTouch ? NEAR_TOUCH : NEAR) / this.view.scale;
  }

  /** Whether a point lies on the picture. */
  isOn({ x, y }) {
    return x >= 0 && y >= 0 && x <= this.size.width && y <= this.size.height;
  }

  handleAt(point) {
    const shape = this.shapes[this.chosen];
    if (!shape || this.isHidden) return -1;
    const near = this.near(point);
    return this.handles(shape).findIndex((handle) => Math.abs(handle.x - point.x) <= near && Math.abs(handle.y - point.y) <= near);
  }

  get isHidden() {
    return this.marks.hasAttribute("hidden");
  }

  shapeAt(point) {
    for (let place = this.shapes.length - 1; place >= 0; place -= 1)
      if (this.covers(this.shapes[place], point, this.near(point))) return place;
    return -1;
  }

  cursorAt(point) {
    const shape = this.shapes[this.chosen];
    const handle = this.handleAt(point);
    if (handle >= 0) return this.handles(shape)[handle].cursor ?? "point";
    return shape && !this.isHidden && this.covers(shape, point, this.near(point)) ? "move" : "";
  }

  /** Whether there is a label that a new shape can have. */
  hasLabel() {
    if (this.label !== null) return true;
    this.showProblem("There is no label to draw with: add one first.");
    return false;
  }

  down(point) {
    if (this.isHidden) this.hide();
    const shape = this.shapes[this.chosen];
    const handle = this.handleAt(point);
    if (handle >= 0) this.doing = { kind: "drag", handle, at: point, was: shape };
    else if (shape && this.covers(shape, point, this.near(point))) this.doing = { kind: "shift", at: point, was: shape };
    else this.doing = { kind: "press", at: point };
  }

  move(point) {
    const { doing } = this;
    if (!doing) return;
    const moved = Math.hypot(point.stageX - doing.at.stageX, point.stageY - doing.at.stageY) > STILL;
    if (doing.kind === "press" && moved) this.doing = (this.hasLabel() && this.beginDrag(doing.at)) || doing;
    if (this.doing.kind === "new") this.replace(this.dragged(this.doing.was, this.doing.handle, point));
    if (doing.kind === "drag") this.replace(this.dragged(doing.was, doing.handle, point));
    if (doing.kind === "shift" && (doing.moved ||= moved))
      this.replace(this.shifted(doing.was, point.x - doing.at.x, point.y - doing.at.y));
    this.shown();
  }

  /** A drag on free ground: what it draws, or null if this tool draws by clicks. */
  beginDrag(_at) {
    return null;
  }

  up(point) {
    const { doing } = this;
    this.doing = null;
    if (!doing) return;
    if (doing.kind === "press" || (doing.kind === "shift" && !doing.moved)) this.clicked(point, doing);
    else if (doing.kind === "new") this.finish();
    else this.changedMarks(this.words(this.shapes[this.chosen]));
  }

  clicked(point) {
    this.pickShape(this.shapeAt(point));
  }

  /** The new shape that was drawn by a drag is there. */
  finish() {
    const shape = this.shapes[this.chosen];
    this.changedMarks(`Added: ${shape.label}, ${this.words(shape)}. ${this.shapes.length} in all`);
  }

  cancel() {
    const { doing } = this;
    this.doing = null;
    if (doing?.kind === "new") {
      this.shapes = this.shapes.slice(0, -1);
      this.chosen = -1;
    } else if (doing?.was) {
      this.replace(doing.was);
    }
    this.shown();
  }
}

const FONT = "600 12.5px Inter, system-ui, sans-serif";
const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

/** CSS pixels that a label takes. */
function widthOf(text) {
  if (!widths.has(text)) {
    pen.font = FONT;
    widths.set(text, Math.ceil(pen.measureText(text).width));
  }
  return widths.get(text);
}

export function within(value, most) {
  return Math.min(Math.max(Math.round(value), 0), most);
}

function square({ x, y }, colour, isMiddle = false) {
  if (isMiddle) return `<circle cx="${x}" cy="${y}" r="3" fill="#0b0d0c" stroke="${colour}"/>`;
  return `<rect x="${x - 4}" y="${y - 4}" width="8" height="8" fill="${colour}"/>`;
}
