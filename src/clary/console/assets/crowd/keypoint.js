// crowd-keypoint: {keypoints: [{label, x, y}], inputImageProperties}, in natural pixels.
import { define } from "./element.js";
import { WINDOW } from "./stage/layout.js";
import { EDIT, END, ShapeTool, within } from "./stage/shapes.js";
import { ImageTool } from "./stage/tool.js";

export class CrowdKeypoint extends ShapeTool {
  static noun = "points";
  static many = "keypoints";
  static one = "point";
  static keys = { Window: [...WINDOW, ["Hide points", "`H`"]], Point: [["Set", "click"], ["Move", "drag"], ...EDIT, ...END] };

  readShape(raw) {
    const { x, y } = raw ?? {};
    return Number.isFinite(Number(x)) && Number.isFinite(Number(y))
      ? { label: raw.label ?? null, ...this.inside(Number(x), Number(y)) }
      : null;
  }

  /** On a pixel of the picture, once it is known how large that is. */
  inside(x, y) {
    const most = this.isLoaded ? this.size : { width: Infinity, height: Infinity };
    return { x: within(x, most.width - 1), y: within(y, most.height - 1) };
  }

  opened() {
    this.recheck(this.shapes.map((point) => ({ ...point, ...this.inside(point.x, point.y) })));
  }

  written({ label, x, y }) {
    return { label, x, y };
  }

  covers(shape, { x, y }, near) {
    return Math.hypot(shape.x - x, shape.y - y) <= near * 1.5;
  }

  shifted(point, x, y) {
    return { ...point, ...this.inside(point.x + x, point.y + y) };
  }

  sketch(point, at) {
    const { x, y } = at(point.x + 0.5, point.y + 0.5);
    const ring = point === this.shapes[this.chosen] ? `<circle cx="${x}" cy="${y}" r="9" fill="none"/>` : "";
    return `<circle cx="${x}" cy="${y}" r="5" fill-opacity=".9" stroke="#0d1410"/>${ring}`;
  }

  anchor(point, at) {
    const { x, y } = at(point.x, point.y);
    return { x: x + 8, y: y - 6 };
  }

  words({ x, y }) {
    return `${x}, ${y}`;
  }

  fresh({ x, y }) {
    return this.inside(x, y);
  }

  down(point) {
    const place = this.shapeAt(point);
    if (place >= 0) this.pickShape(place);
    super.down(point);
  }

  clicked(point) {
    const place = this.shapeAt(point);
    if (place >= 0) this.pickShape(place);
    else if (this.hasLabel() && this.isOn(point)) this.add(this.inside(Math.floor(point.x), Math.floor(point.y)));
  }
}

define("crowd-keypoint", CrowdKeypoint, ImageTool.tools);
