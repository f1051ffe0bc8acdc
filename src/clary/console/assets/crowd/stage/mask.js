// A mask: for each natural pixel a number, 0 for none. Painted without antialiasing; what is shown and sent are its colours.
import { encode, toBase64 } from "./png.js";

export class Mask {
  constructor(canvas) {
    this.canvas = canvas;
    this.resize(1, 1);
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.values = new Uint16Array(width * height);
    this.canvas.width = width;
    this.canvas.height = height;
    this.pen = this.canvas.getContext("2d");
  }

  at(x, y) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return 0;
    return this.values[row * this.width + column];
  }

  /** A disc moved along a line. */
  stroke(from, to, radius, value) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / Math.max(radius / 2, 0.5)));
    for (let step = 0; step <= steps; step += 1) {
      const part = step / steps;
      this.disc(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part, radius, value);
    }
    return {
      x0: Math.max(0, Math.floor(Math.min(from.x, to.x) - radius - 1)),
      y0: Math.max(0, Math.floor(Math.min(from.y, to.y) - radius - 1)),
      x1: Math.min(this.width, Math.ceil(Math.max(from.x, to.x) + radius + 1)),
      y1: Math.min(this.height, Math.ceil(Math.max(from.y, to.y) + radius + 1)),
    };
  }

  /** All pixels whose middle is within the radius; the one under the point at least. */
  disc(x, y, radius, value) {
    const own = Math.floor(y) * this.width + Math.floor(x);
    if (x >= 0 && x < this.width && y >= 0 && y < this.height) this.values[own] = value;
    for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(this.height, Math.ceil(y + radius)); row += 1) {
      const half = Math.sqrt(Math.max(radius ** 2 - (row + 0.5 - y) ** 2, 0));
      const first = Math.max(0, Math.ceil(x - half - 0.5));
      const last = Math.min(this.width - 1, Math.floor(x + half - 0.5));
      if (first <= last && (row + 0.5 - y) ** 2 <= radius ** 2)
        this.values.fill(value, row * this.width + first, row * this.width + last + 1);
    }
  }

  /** The pixels whose middle lies in an outline. */
  fill(vertices, value) {
    const ys = vertices.map(({ y }) => y);
    for (let row = Math.max(0, Math.floor(Math.min(...ys))); row < Math.min(this.height, Math.ceil(Math.max(...ys))); row += 1) {
      const y = row + 0.5;
      const crossings = [];
      for (let i = 0, j = vertices.length - 1; i < vertices.length; j = i, i += 1) {
        const [a, b] = [vertices[i], vertices[j]];
        if (a.y > y !== b.y > y) crossings.push(((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x);
      }
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const first = Math.max(0, Math.ceil(crossings[i] - 0.5));
        const last = Math.min(this.width - 1, Math.floor(crossings[i + 1] - 0.5));
        if (first <= last) this.values.fill(value, row * this.width + first, row * this.width + last + 1);
      }
    }
  }

  replace(from, to) {
    for (let i = 0; i < this.values.length; i += 1) if (this.values[i] === from) this.values[i] = to;
  }

  /** Which numbers occur. */
  used() {
    const seen = new Uint8Array(65536);
    for (let i = 0; i < this.values.length; i += 1) seen[this.values[i]] = 1;
    seen[0] = 0;
    return new Set(Array.from(seen.keys()).filter((value) => seen[value]));
  }

  /** Runs of [length, number]: small, and as text the same for the same mask. */
  get runs() {
    const runs = [];
    let [start, value] = [0, this.values[0]];
    for (let i = 1; i <= this.values.length; i += 1) {
      if (i < this.values.length && this.values[i] === value) continue;
      runs.push(i - start, value);
      [start, value] = [i, this.values[i]];
    }
    return runs;
  }

  set runs(runs) {
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
      this.values.fill(runs[i + 1], at, at + runs[i]);
      at += runs[i];
    }
  }

  /** Shows a part. `colours`: of the numbers, "#rrggbb". */
  show(colours, { x0, y0, x1, y1 } = { x0: 0, y0: 0, x1: this.width, y1: this.height }) {
    if (x1 <= x0 || y1 <= y0) return;
    const part = this.pen.createImageData(x1 - x0, y1 - y0);
    this.write(new Uint32Array(part.data.buffer), colours, x0, y0, x1, y1);
    this.pen.putImageData(part, x0, y0);
  }

  /** The whole mask as a PNG in base64: RGB of exactly these colours, white where there is none. */
  png(colours) {
    const words = table(colours, 0xffffff);
    const { values } = this;
    return toBase64(encode(this.width, this.height, (at) => words[values[at]]));
  }

  write(words, colours, x0, y0, x1, y1) {
    const known = table(colours, 0);
    let at = 0;
    for (let y = y0; y < y1; y += 1) {
      for (let i = y * this.width + x0; i < y * this.width + x1; i += 1) {
        words[at] = known[this.values[i]];
        at += 1;
      }
    }
  }

  /** Takes a picture of colours. `numbers`: of "#rrggbb"; other colours are none. */
  read(image, numbers) {
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, 0, 0, this.width, this.height);
    const words = new Uint32Array(pen.getImageData(0, 0, this.width, this.height).data.buffer);
    const known = new Map(Array.from(numbers, ([colour, number]) => [toWord(colour), number]));
    for (let i = 0; i < words.length; i += 1) this.values[i] = known.get(words[i]) ?? 0;
  }
}

/** "#rrggbb" as a pixel of canvases: bytes R, G, B, A. */
function toWord(colour) {
  const number = parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

/** The pixel of each number. `none`: of those that have no colour. */
function table(colours, none) {
  const words = new Uint32Array(65536).fill(none);
  for (const [value, colour] of colours) words[value] = toWord(colour);
  return words;
}
