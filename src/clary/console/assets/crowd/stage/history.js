// Undo and redo: whole states, as texts.

const KEPT = 200;

export class History {
  constructor() {
    this.before = [];
    this.after = [];
    this.now = null;
  }

  /** The state that is there now, after a step; the same state again is no step. */
  keep(state) {
    const text = JSON.stringify(state);
    if (text === this.now) return false;
    if (this.now !== null) this.before.push(this.now);
    if (this.before.length > KEPT) this.before.shift();
    this.now = text;
    this.after = [];
    return true;
  }

  /** A new beginning: what was before cannot be undone. */
  begin(state) {
    this.before = [];
    this.after = [];
    this.now = JSON.stringify(state);
  }

  undo() {
    return this.step(this.before, this.after);
  }

  redo() {
    return this.step(this.after, this.before);
  }

  step(from, to) {
    if (from.length === 0) return null;
    to.push(this.now);
    this.now = from.pop();
    return JSON.parse(this.now);
  }
}
