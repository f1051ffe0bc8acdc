// crowd-bounding-box: {boundingBoxes: [{height, label, left, top, width}], inputImageProperties}, in natural pixels.
import { define } from "./element.js";
import { WINDOW } from "./stage/layout.js";
import { EDIT, END, ShapeTool, within } from "./stage/shapes.js";
import { ImageTool } from "./stage/tool.js";

// The eight handles: which edge each moves, across and down.
const HANDLES = [
  ["left", "top", "nwse"],
  ["", "top", "ns"],
  ["right", "top", "nesw"],
  ["right", "", "ew"],
  ["right", "bottom", "nwse"],
  ["", "bottom", "ns"],
  ["left", "bottom", "nesw"],
  ["left", "", "ew"],
];

export class CrowdBoundingBox extends ShapeTool {
  static noun = "boxes";
  static many = "boundingBoxes";
  static one = "box";
  static keys = {
    Window: [...WINDOW, ["Hide boxes", "`H`"]],
    Box: [["Draw", "drag"], ...EDIT, ["Resize", "`Shift` `Arrows`"], ...END],
  };

  /** The element's public list of boxes, as AWS's has it. */
  get boundingBoxes() {
    return this.submittable().boundingBoxes;
  }

  readShape(raw) {
    const { left, top, width, height } = raw ?? {};
    if (![left, top, width, height].every((each) => Number.isFinite(Number(each)))) return null;
    return {
      label: raw.label ?? this.labels[0] ?? null,
      left: Math.round(left),
      top: Math.round(top),
      width: Math.max(1, Math.round(width)),
      height: Math.max(1, Math.round(height)),
    };
  }

  written({ label, left, top, width, height }) {
    return { height, label, left, top, width };
  }

  opened() {
    this.recheck(this.shapes.map((box) => this.edges(box, edgesOf(box))));
  }

  handles(box) {
    const { left, top, right, bottom } = edgesOf(box);
    const across = { left, right, "": (left + right) / 2 };
    const down = { top, bottom, "": (top + bottom) / 2 };
    return HANDLES.map(([x, y, cursor]) => ({ x: across[x], y: down[y], cursor }));
  }

  covers(box, { x, y }, near) {
    const { left, top, right, bottom } = edgesOf(box);
    return x >= left - near && x <= right + near && y >= top - near && y <= bottom + near;
  }

  /** Dragged beyond the opposite edge, a box turns over. */
  dragged(box, handle, { x, y }) {
    const [across, down] = HANDLES[handle];
    const edges = edgesOf(box);
    if (across) edges[across] = x;
    if (down) edges[down] = y;
    return this.edges(box, edges);
  }

  edges(box, { left, right, top, bottom }) {
    const [x0, x1] = span(left, right, this.size.width);
    const [y0, y1] = span(top, bottom, this.size.height);
    return { ...box, left: x0, top: y0, width: x1 - x0, height: y1 - y0 };
  }

  shifted(box, x, y) {
    return {
      ...box,
      left: within(box.left + x, this.size.width - box.width),
      top: within(box.top + y, this.size.height - box.height),
    };
  }

  /** By the arrow keys, the right and the lower edge. */
  stretched(box, x, y) {
    const width = Math.min(Math.max(box.width + x, 1), this.size.width - box.left);
    return { ...box, width, height: Math.min(Math.max(box.height + y, 1), this.size.height - box.top) };
  }

  sketch(box, at) {
    const from = at(box.left, box.top);
    const to = at(box.left + box.width, box.top + box.height);
    return `<rect x="${from.x}" y="${from.y}" width="${to.x - from.x}" height="${to.y - from.y}" fill-opacity=".12"/>`;
  }

  anchor(box, at) {
    return at(box.left, box.top);
  }

  words({ left, top, width, height }) {
    return `${left}, ${top} · ${width} × ${height}`;
  }

  fresh({ x, y }, reach) {
    return this.edges({}, { left: x - reach, right: x + reach, top: y - reach, bottom: y + reach });
  }

  beginDrag(at) {
    const box = {
      label: this.label,
      left: within(at.x, this.size.width - 1),
      top: within(at.y, this.size.height - 1),
      width: 1,
      height: 1,
    };
    this.shapes = [...this.shapes, box];
    this.chosen = this.shapes.length - 1;
    // The corner where the drag began stays where it was between pixels.
    return { kind: "new", handle: 4, at, was: { ...box, left: at.x, top: at.y, width: 0, height: 0 } };
  }
}

function edgesOf({ left, top, width, height }) {
  return { left, top, right: left + width, bottom: top + height };
}

/** Two edges in order, on whole pixels, inside, and at least one pixel apart. */
function span(a, b, most) {
  const from = Math.min(within(Math.min(a, b), most), most - 1);
  return [from, Math.max(within(Math.max(a, b), most), from + 1)];
}

define("crowd-bounding-box", CrowdBoundingBox, ImageTool.tools);
