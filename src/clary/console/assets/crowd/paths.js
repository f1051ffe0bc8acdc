// crowd-polygon, crowd-polyline and crowd-line: {polygons|polylines|lines: [{label, vertices: [{x, y}]}], inputImageProperties}.
import { LIST, define } from "./element.js";
import { keyOf } from "./keys.js";
import { crosses, isInside, isNear } from "./stage/geometry.js";
import { WINDOW } from "./stage/layout.js";
import { EDIT, END, ShapeTool, within } from "./stage/shapes.js";
import { ImageTool } from "./stage/tool.js";

const VERTICES = [
  ["Add", "`A`"],
  ["Choose", "`Tab`"],
  ["Choose a corner", "`V`"],
  ["Corner after it", "`E`"],
  ["Nudge", "`Arrows`"],
];

/** A shape of vertices. `least`: how many it has at least; `isClosed`: whether the last one is joined to the first. */
class PathTool extends ShapeTool {
  static least = 2;
  static most = Infinity;
  static isClosed = false;

  build() {
    this.path = null; // the vertices that are set so far
    this.pointer = null;
    this.vertex = -1; // of the chosen shape, for the keys
    super.build();
  }

  readShape(raw) {
    const vertices = (raw?.vertices ?? []).map(({ x, y }) => ({ x: Math.round(Number(x)), y: Math.round(Number(y)) }));
    const isWhole =
      vertices.length >= this.constructor.least && vertices.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    return isWhole ? { label: raw.label ?? null, vertices } : null;
  }

  opened() {
    this.recheck(this.shapes.map((shape) => ({ ...shape, vertices: shape.vertices.map((each) => this.inside(each)) })));
  }

  inside({ x, y }) {
    return { x: within(x, this.size.width), y: within(y, this.size.height) };
  }

  written({ label, vertices }) {
    return { label, vertices: vertices.map(({ x, y }) => ({ x, y })) };
  }

  /** The vertices, then the middles of the edges, where one can be pulled out. */
  handles({ vertices }) {
    const corners = vertices.map(({ x, y }) => ({ x, y, cursor: "move" }));
    if (vertices.length >= this.constructor.most) return corners;
    const edges = this.edges(vertices).map(([a, b]) => ({
      x: (a.x + b.x) / 2,
      y: (a.y + b.y) / 2,
      cursor: "point",
      isMiddle: true,
    }));
    return [...corners, ...edges];
  }

  edges(vertices) {
    const edges = vertices.slice(1).map((vertex, place) => [vertices[place], vertex]);
    if (this.constructor.isClosed && vertices.length > 2) edges.push([vertices.at(-1), vertices[0]]);
    return edges;
  }

  covers({ vertices }, point, near) {
    return (
      (this.constructor.isClosed && isInside(vertices, point)) || this.edges(vertices).some(([a, b]) => isNear(a, b, point, near))
    );
  }

  dragged(shape, handle, point) {
    const vertices = [...shape.vertices];
    const isMiddle = handle >= vertices.length;
    vertices.splice(isMiddle ? handle - vertices.length + 1 : handle, isMiddle ? 0 : 1, this.inside(point));
    return this.allowed(vertices) ? { ...shape, vertices } : this.shapes[this.chosen];
  }

  allowed(vertices) {
    return !this.constructor.isClosed || !crosses(vertices, true);
  }

  shifted(shape, x, y) {
    if (this.vertex >= 0 && this.vertex < shape.vertices.length && !this.doing) {
      const { [this.vertex]: vertex } = shape.vertices;
      return this.dragged(shape, this.vertex, { x: vertex.x + x, y: vertex.y + y });
    }
    const xs = shape.vertices.map((vertex) => vertex.x);
    const ys = shape.vertices.map((vertex) => vertex.y);
    const right = Math.round(Math.min(Math.max(x, -Math.min(...xs)), this.size.width - Math.max(...xs)));
    const down = Math.round(Math.min(Math.max(y, -Math.min(...ys)), this.size.height - Math.max(...ys)));
    return { ...shape, vertices: shape.vertices.map((vertex) => ({ x: vertex.x + right, y: vertex.y + down })) };
  }

  sketch({ vertices }, at) {
    const points = vertices.map(({ x, y }) => Object.values(at(x, y)).join()).join(" ");
    const dots = vertices.map(({ x, y }) => `<circle cx="${at(x, y).x}" cy="${at(x, y).y}" r="3" stroke="none"/>`).join("");
    if (this.constructor.isClosed) return `<polygon points="${points}" fill-opacity=".14"/>${dots}`;
    return `<polyline points="${points}" fill="none"/>${dots}`;
  }

  anchor({ vertices }, at) {
    const top = vertices.reduce((a, b) => (b.y < a.y ? b : a));
    const { x, y } = at(top.x, top.y);
    return { x: x + 6, y: y - 4 };
  }

  words({ vertices }) {
    return `${vertices.length} at ${vertices[0].x}, ${vertices[0].y}`;
  }

  colour(label) {
    return this.labelColors?.[this.labels.indexOf(label)] ?? super.colour(label);
  }

  guides(at) {
    const shape = this.shapes[this.chosen];
    const corner = shape?.vertices[this.vertex];
    const ring = corner
      ? `<circle cx="${at(corner.x, corner.y).x}" cy="${at(corner.x, corner.y).y}" r="9" fill="none" stroke="white" stroke-width="2"/>`
      : "";
    if (!this.path) return ring;
    const colour = this.colour(this.label);
    const all = this.pointer ? [...this.path, this.pointer] : this.path;
    const points = all.map(({ x, y }) => Object.values(at(x, y)).join()).join(" ");
    const dots = this.path.map(({ x, y }) => `<circle cx="${at(x, y).x}" cy="${at(x, y).y}" r="4" fill="${colour}"/>`).join("");
    return `${ring}<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="5 4"/>${dots}`;
  }

  // Drawing by clicks.

  problem() {
    if (this.path) return `Finish the ${this.constructor.one} first (Enter), or drop it (Esc).`;
    return super.problem();
  }

  down(point) {
    if (this.path) this.doing = { kind: "press", at: point };
    else super.down(point);
  }

  hover(point) {
    if (!this.path) return;
    this.pointer = this.inside(point);
    this.draw();
  }

  cursorAt(point) {
    return this.path ? "" : super.cursorAt(point);
  }

  clicked(point) {
    if (!this.path) {
      const place = this.shapeAt(point);
      if (place >= 0) return this.pickShape(place);
      if (this.chosen >= 0) this.pickShape(-1);
      if (this.hasLabel() && this.isOn(point)) this.path = [this.inside(point)];
      return this.draw();
    }
    return this.next(point);
  }

  next(point) {
    const vertex = this.inside(point);
    const [first] = this.path;
    const last = this.path.at(-1);
    const isAt = (each) => Math.hypot(each.x - point.x, each.y - point.y) <= this.near(point);
    if (this.constructor.isClosed && this.path.length >= this.constructor.least && isAt(first)) return this.close();
    if (vertex.x === last.x && vertex.y === last.y) return undefined; // the second click of two
    if (this.constructor.isClosed && crosses([...this.path, vertex], false)) return this.refuse();
    this.path = [...this.path, vertex];
    if (this.path.length >= this.constructor.most) return this.close();
    this.say(`Corner ${this.path.length}`);
    return this.draw();
  }

  refuse() {
    this.showProblem("The outline may not cross itself.");
  }

  twice() {
    if (this.path) this.close();
  }

  close() {
    const vertices = this.path;
    if (vertices.length < this.constructor.least)
      return this.showProblem(`A ${this.constructor.one} has at least ${this.constructor.least} corners.`);
    if (!this.allowed(vertices)) return this.refuse();
    this.path = null;
    this.pointer = null;
    return this.add({ vertices });
  }

  cancel() {
    this.path = null;
    this.pointer = null;
    super.cancel();
  }

  // Keys.

  pickShape(place) {
    this.vertex = -1;
    super.pickShape(place);
  }

  key(event) {
    const key = keyOf(event);
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isPlain && this.path && key === "Enter") return done(this.close());
    if (isPlain && this.path && key === "Backspace") return done(this.dropLast());
    if (isPlain && this.path && key === "Escape") return done(this.cancel());
    const shape = this.shapes[this.chosen];
    if (isPlain && shape && key === "v") return done(this.cornerAfter(shape));
    if (isPlain && shape && key === "e" && this.vertex >= 0) return done(this.insertAfter(shape));
    if (
      isPlain &&
      shape &&
      this.vertex >= 0 &&
      (key === "Delete" || key === "Backspace") &&
      shape.vertices.length > this.constructor.least
    )
      return done(this.removeCorner(shape));
    if (isPlain && key === "Escape" && this.vertex >= 0) return done((this.vertex = -1), this.draw());
    return super.key(event);
  }

  dropLast() {
    this.path = this.path.slice(0, -1);
    if (this.path.length === 0) this.cancel();
    this.draw();
  }

  cornerAfter({ vertices }) {
    this.vertex = (this.vertex + 1) % vertices.length;
    this.say(`Corner ${this.vertex + 1} of ${vertices.length}: ${vertices[this.vertex].x}, ${vertices[this.vertex].y}`);
    this.draw();
  }

  insertAfter(shape) {
    const { vertices } = shape;
    if (vertices.length >= this.constructor.most || (!this.constructor.isClosed && this.vertex === vertices.length - 1)) return;
    const [a, b] = [vertices[this.vertex], vertices[(this.vertex + 1) % vertices.length]];
    this.replace({
      ...shape,
      vertices: vertices.toSpliced(this.vertex + 1, 0, this.inside({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })),
    });
    this.vertex += 1;
    this.changedMarks("Corner added");
  }

  removeCorner(shape) {
    this.replace({ ...shape, vertices: shape.vertices.toSpliced(this.vertex, 1) });
    this.vertex = -1;
    this.changedMarks("Corner removed");
  }
}

class CrowdPolygon extends PathTool {
  static noun = "polygons";
  static many = "polygons";
  static one = "polygon";
  static least = 3;
  static isClosed = true;
  static keys = {
    Window: [...WINDOW, ["Hide polygons", "`H`"]],
    Polygon: [["Set corners", "click"], ["Close", "first corner, `Enter`"], ["Take one back", "`Backspace`"], ...VERTICES, ...END],
  };

  fresh({ x, y }, reach) {
    return {
      vertices: [
        [0, -1],
        [1, 0],
        [0, 1],
        [-1, 0],
      ].map(([across, down]) => this.inside({ x: x + across * reach, y: y + down * reach })),
    };
  }
}

class CrowdPolyline extends PathTool {
  static noun = "lines";
  static many = "polylines";
  static one = "line";
  static keys = {
    Window: [...WINDOW, ["Hide lines", "`H`"]],
    Line: [["Set points", "click"], ["End", "twice, `Enter`"], ["Take one back", "`Backspace`"], ...VERTICES, ...END],
  };

  fresh({ x, y }, reach) {
    return { vertices: [-1, 0, 1].map((across) => this.inside({ x: x + across * reach, y })) };
  }
}

class CrowdLine extends PathTool {
  static noun = "lines";
  static many = "lines";
  static one = "line";
  static most = 2;
  static keys = {
    Window: [...WINDOW, ["Hide lines", "`H`"]],
    Line: [["Draw", "drag, or two clicks"], ...EDIT, ["Choose an end", "`V`"], ...END],
  };

  fresh({ x, y }, reach) {
    return { vertices: [-1, 1].map((across) => this.inside({ x: x + across * reach, y })) };
  }

  beginDrag(at) {
    const from = this.inside(at);
    const line = { label: this.label, vertices: [from, from] };
    this.path = null;
    this.shapes = [...this.shapes, line];
    this.chosen = this.shapes.length - 1;
    return { kind: "new", handle: 1, at, was: line };
  }
}

function done() {
  return true;
}

define("crowd-polygon", CrowdPolygon, ImageTool.tools);
define("crowd-polyline", CrowdPolyline, { ...ImageTool.tools, labelColors: LIST });
define("crowd-line", CrowdLine, { ...ImageTool.tools, labelColors: LIST });
