// Writes a PNG of RGB without transparency (a canvas writes RGBA). Meant for masks: large areas of one colour.
// Sources: the PNG specification; RFC 1951 (deflate with its fixed codes, where the only matches are runs) and RFC 1950.

/** `word(at)` gives a pixel, row by row, as 0xbbggrr (its upper byte is not looked at). */
export function encode(width, height, word) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  const parts = [
    new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", packed(rows(width, height, word))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return join(parts);
}

export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Each row as its difference from the row above (filter 2), which makes runs of zeros. */
function rows(width, height, word) {
  const length = width * 3 + 1;
  const all = new Uint8Array(length * height);
  let before = new Uint8Array(length);
  for (let y = 0; y < height; y += 1) {
    const row = new Uint8Array(length);
    for (let x = 0; x < width; x += 1) {
      const pixel = word(y * width + x);
      row[1 + x * 3] = pixel & 255;
      row[2 + x * 3] = (pixel >> 8) & 255;
      row[3 + x * 3] = (pixel >> 16) & 255;
    }
    const at = y * length;
    all[at] = 2;
    for (let i = 1; i < length; i += 1) all[at + i] = row[i] - before[i];
    before = row;
  }
  return all;
}

function packed(data) {
  const out = new Bits(data.length / 8 + 1024);
  out.put(0x0178, 16); // zlib's header
  out.put(0b011, 3); // the last block, fixed codes
  for (let at = 0; at < data.length;) {
    literal(out, data[at]);
    let run = 0;
    while (run < 258 && at + 1 + run < data.length && data[at + 1 + run] === data[at]) run += 1;
    at += 1;
    while (run >= 3) {
      match(out, run);
      at += run;
      run = 0;
      while (run < 258 && at + run < data.length && data[at + run] === data[at - 1]) run += 1;
    }
  }
  out.code(0, 7); // the end
  out.flush();
  const sum = adler(data);
  for (const shift of [24, 16, 8, 0]) out.put((sum >>> shift) & 255, 8);
  return out.bytes.subarray(0, out.at);
}

function literal(out, value) {
  if (value < 144) out.code(0x30 + value, 8);
  else out.code(0x190 + value - 144, 9);
}

/** The same byte so many times more: a match at distance 1. */
function match(out, length) {
  let place = LENGTHS.length - 1;
  while (LENGTHS[place] > length) place -= 1;
  if (place < 23) out.code(place + 1, 7);
  else out.code(0xc0 + place - 23, 8);
  if (EXTRA[place]) out.put(length - LENGTHS[place], EXTRA[place]);
  out.code(0, 5);
}

const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/** Bits from the lowest on; codes from their highest bit on. */
class Bits {
  constructor(room) {
    this.bytes = new Uint8Array(Math.ceil(room));
    this.at = 0;
    this.held = 0;
    this.count = 0;
  }

  put(value, bits) {
    this.held |= value << this.count;
    this.count += bits;
    while (this.count >= 8) this.byte();
  }

  code(value, bits) {
    let turned = 0;
    for (let i = 0; i < bits; i += 1) turned |= ((value >> i) & 1) << (bits - 1 - i);
    this.put(turned, bits);
  }

  byte() {
    if (this.at + 8 >= this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.at] = this.held & 255;
    this.at += 1;
    this.held >>>= 8;
    this.count = Math.max(this.count - 8, 0);
  }

  flush() {
    if (this.count > 0) this.byte();
    this.held = 0;
    this.count = 0;
  }
}

function adler(data) {
  let [a, b] = [1, 0];
  for (let at = 0; at < data.length;) {
    const end = Math.min(at + 3800, data.length); // the sums stay exact so far
    for (; at < end; at += 1) {
      a += data[at];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function chunk(name, data) {
  const all = new Uint8Array(data.length + 12);
  const view = new DataView(all.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i += 1) all[4 + i] = name.charCodeAt(i);
  all.set(data, 8);
  let sum = 0xffffffff;
  for (let i = 4; i < data.length + 8; i += 1) sum = CRC[(sum ^ all[i]) & 255] ^ (sum >>> 8);
  view.setUint32(data.length + 8, (sum ^ 0xffffffff) >>> 0);
  return all;
}

function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
