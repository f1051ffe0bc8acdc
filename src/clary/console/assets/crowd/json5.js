// Reads the JSON of attributes as customers write it: single quotes, bare names, trailing commas, comments (JSON5's grammar, json5.org).

/** The value that a text holds; `SyntaxError` with the place if it holds none. */
export function parse(text) {
  return new Reader(text).whole();
}

/** As `parse`, and `otherwise` where there is no text. */
export function parseOr(text, otherwise) {
  return text === null || text === undefined || String(text).trim() === "" ? otherwise : parse(String(text));
}

const ESCAPES = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", 0: "\0" };
const NUMBER = /[+-]?(?:Infinity|NaN|0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const NAME = /[\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}$_\u200c\u200d]*/uy;
const BLANK = /(?:[\s\ufeff]+|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)*/y;

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  whole() {
    const value = this.value();
    this.blank();
    if (this.at < this.text.length) this.fail();
    return value;
  }

  value() {
    this.blank();
    const next = this.text[this.at];
    if (next === "{") return this.object();
    if (next === "[") return this.list();
    if (next === '"' || next === "'") return this.string();
    const number = this.match(NUMBER);
    if (number !== null) return toNumber(number);
    const word = this.match(NAME);
    if (word === "true") return true;
    if (word === "false") return false;
    if (word === "null" || word === "undefined") return null;
    if (word !== null) this.at -= word.length;
    return this.fail();
  }

  object() {
    const found = {};
    this.at += 1;
    for (;;) {
      this.blank();
      if (this.take("}")) return found;
      const quoted = this.text[this.at] === '"' || this.text[this.at] === "'";
      const name = quoted ? this.string() : (this.match(NAME) ?? this.match(NUMBER) ?? this.fail());
      this.blank();
      if (!this.take(":")) this.fail();
      const value = this.value();
      Object.defineProperty(found, name, { value, enumerable: true, configurable: true, writable: true });
      this.blank();
      if (!this.take(",") && this.text[this.at] !== "}") this.fail();
    }
  }

  list() {
    const found = [];
    this.at += 1;
    for (;;) {
      this.blank();
      if (this.take("]")) return found;
      found.push(this.value());
      this.blank();
      if (!this.take(",") && this.text[this.at] !== "]") this.fail();
    }
  }

  string() {
    const quote = this.text[this.at];
    let found = "";
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const letter = this.text[this.at];
      if (letter === quote) {
        this.at += 1;
        return found;
      }
      found += letter === "\\" ? this.escape() : letter;
    }
    return this.fail();
  }

  escape() {
    this.at += 1;
    const letter = this.text[this.at];
    if (letter === "u" || letter === "x") {
      const digits = this.text.slice(this.at + 1, this.at + (letter === "u" ? 5 : 3));
      if (!/^([0-9a-fA-F]{2}){1,2}$/.test(digits)) this.fail();
      this.at += digits.length;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (letter === "\r" && this.text[this.at + 1] === "\n") this.at += 1;
    if (letter === "\n" || letter === "\r" || letter === "\u2028" || letter === "\u2029") return "";
    return ESCAPES[letter] ?? letter ?? this.fail();
  }

  blank() {
    this.match(BLANK);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }

  take(letter) {
    if (this.text[this.at] !== letter) return false;
    this.at += 1;
    return true;
  }

  fail() {
    const what = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : "the end";
    throw new SyntaxError(
      `not JSON: ${what} is not expected at character ${this.at + 1} of ${JSON.stringify(this.text.slice(0, 80))}`,
    );
  }
}

function toNumber(text) {
  const sign = text[0] === "-" ? -1 : 1;
  return sign * Number(text.replace(/^[+-]/, ""));
}
