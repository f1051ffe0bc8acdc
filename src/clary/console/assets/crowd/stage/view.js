// Where the picture lies on the stage: by how much it is scaled and shifted. All in CSS pixels; the picture's own are "natural".

const CLOSEST = 40; // times the natural size
const MARGIN = 40; // CSS pixels of the picture that stay on the stage

export class View {
  constructor() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.natural = { width: 1, height: 1 };
    this.stage = { width: 1, height: 1 };
    this.isFitted = true;
  }

  /** The whole picture, in the middle. */
  fit() {
    const scale = Math.min(this.stage.width / this.natural.width, this.stage.height / this.natural.height);
    this.scale = scale > 0 && Number.isFinite(scale) ? scale : 1;
    this.x = (this.stage.width - this.natural.width * this.scale) / 2;
    this.y = (this.stage.height - this.natural.height * this.scale) / 2;
    this.isFitted = true;
  }

  /** The stage has another size; the middle stays where it is. */
  resize(width, height) {
    const middle = this.toNatural(this.stage.width / 2, this.stage.height / 2);
    this.stage = { width, height };
    if (this.isFitted) return this.fit();
    this.x = width / 2 - middle.x * this.scale;
    this.y = height / 2 - middle.y * this.scale;
    return this.hold();
  }

  /** Scales so that what is at a point of the stage stays there. */
  zoom(factor, x, y) {
    this.to(this.scale * factor, x, y);
  }

  /** A natural pixel on each pixel of the screen. */
  oneToOne(x, y) {
    this.to(1 / (window.devicePixelRatio || 1), x, y);
  }

  to(scale, x, y) {
    const fitted = Math.min(this.stage.width / this.natural.width, this.stage.height / this.natural.height);
    const next = Math.min(Math.max(scale, Math.min(fitted, 1) / 4), Math.max(CLOSEST, fitted));
    const point = this.toNatural(x, y);
    this.scale = next;
    this.x = x - point.x * next;
    this.y = y - point.y * next;
    this.isFitted = false;
    this.hold();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.isFitted = false;
    this.hold();
  }

  toNatural(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toStage(x, y) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  /** The picture cannot be lost beyond an edge. */
  hold() {
    const width = this.natural.width * this.scale;
    const height = this.natural.height * this.scale;
    this.x = Math.min(Math.max(this.x, MARGIN - width), this.stage.width - MARGIN);
    this.y = Math.min(Math.max(this.y, MARGIN - height), this.stage.height - MARGIN);
  }
}
