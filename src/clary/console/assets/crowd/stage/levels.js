// Window and level: which grey values are spread from black to white. On the pixels, of which a copy is shown above the picture.

const LARGEST = 24e6; // pixels that are recomputed at every move of the pointer; larger pictures get a CSS filter

export class Levels {
  constructor(image, canvas) {
    this.image = image;
    this.canvas = canvas;
    this.source = null;
    this.reset();
  }

  /** Whether all greys are shown as far apart as they are. */
  get isFull() {
    return this.level === 128 && this.width === 256;
  }

  get isPlain() {
    return this.isFull && !this.isInverted;
  }

  reset() {
    this.level = 128;
    this.width = 256;
    this.isInverted = false;
  }

  /** Level and width changed by so many grey values. */
  move(level, width) {
    this.level = Math.min(Math.max(this.level + level, 0), 255);
    this.width = Math.min(Math.max(this.width + width, 1), 512);
  }

  forget() {
    this.source = null;
    this.reset();
  }

  apply() {
    if (this.isPlain) {
      this.canvas.hidden = true;
      this.image.style.filter = "";
    } else if (this.read()) {
      this.write();
      this.canvas.hidden = false;
    } else {
      this.image.style.filter = this.asFilter();
    }
  }

  /** The grey value that a grey value becomes. */
  table() {
    const low = this.level - this.width / 2;
    const table = new Uint8ClampedArray(256); // holds values within 0 and 255 by itself
    for (let value = 0; value < 256; value += 1) {
      const grey = this.isFull ? value : ((value - low) / this.width) * 255;
      table[value] = this.isInverted ? 255 - grey : grey;
    }
    return table;
  }

  /** Whether the pixels can be had: not those of another site that does not let them be read. */
  read() {
    if (this.source) return true;
    const { naturalWidth: width, naturalHeight: height } = this.image;
    if (!width || width * height > LARGEST) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    const pen = this.canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(this.image, 0, 0);
    try {
      this.source = pen.getImageData(0, 0, width, height);
    } catch (error) {
      if (error.name !== "SecurityError") throw error;
      return false;
    }
    this.target = pen.createImageData(width, height);
    this.isGrey = isGrey(this.source.data);
    return true;
  }

  write() {
    const table = this.table();
    const from = new Uint32Array(this.source.data.buffer);
    const to = new Uint32Array(this.target.data.buffer);
    if (this.isGrey) {
      const words = Uint32Array.from(table, (grey) => ((255 << 24) | (grey << 16) | (grey << 8) | grey) >>> 0);
      for (let i = 0; i < from.length; i += 1) to[i] = words[from[i] & 255];
    } else {
      for (let i = 0; i < from.length; i += 1) {
        const word = from[i];
        to[i] = (word & 0xff000000) | (table[(word >> 16) & 255] << 16) | (table[(word >> 8) & 255] << 8) | table[word & 255];
      }
    }
    this.canvas.getContext("2d").putImageData(this.target, 0, 0);
  }

  /** The same line from grey to grey as `table`; filters cut what is beyond white after each step. */
  asFilter() {
    const level = Math.max(this.level, 1);
    const contrast = (256 / this.width) * (level / 128);
    return `brightness(${128 / level}) contrast(${contrast})${this.isInverted ? " invert(1)" : ""}`;
  }
}

function isGrey(data) {
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2] || data[i + 3] !== 255) return false;
  }
  return true;
}
