// What all crowd elements have in common: properties that are attributes, set before or after the element is defined.
import { parseOr } from "./json5.js";

export const TEXT = { read: (text) => text ?? "" };
export const FLAG = { read: (text) => text !== null && text !== "false", isFlag: true };
export const NUMBER = { read: (text) => (text === null || text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text)) };
/** A list, leniently read. A text that is no list at all is one of its words: `labels="Cat"`. */
export const LIST = { read: (text) => asList(text) };
export const JSON5 = { read: (text) => parseOr(text, null) };

/** Defines an element with its properties ({name: kind}); an attribute is the name with hyphens. */
export function define(tag, element, properties = {}) {
  element.properties = { ...element.properties, ...properties };
  for (const [name, kind] of Object.entries(properties)) {
    Object.defineProperty(element.prototype, name, {
      configurable: true,
      enumerable: true,
      get() {
        return this.given.has(name) ? this.given.get(name) : this.readAttribute(name, kind);
      },
      set(value) {
        this.given.set(name, value);
        this.propertyChanged(name);
      },
    });
  }
  if (!customElements.get(tag)) customElements.define(tag, element);
}

export class CrowdElement extends HTMLElement {
  static properties = {};

  static get observedAttributes() {
    return Object.keys(this.properties).map(hyphened);
  }

  constructor() {
    super();
    this.given = new Map(); // what scripts set, which counts before the attribute
    this.isBuilt = false;
  }

  connectedCallback() {
    if (this.isBuilt) return;
    this.isBuilt = true;
    const early = Object.keys(this).filter((name) => name !== "given" && name !== "isBuilt" && name in this.constructor.prototype);
    const set = early.map((name) => [name, this[name]]);
    for (const name of early) delete this[name]; // set before the element was defined: they hide the properties
    this.build();
    for (const [name, value] of set) this[name] = value;
  }

  attributeChangedCallback(attribute) {
    const name = Object.keys(this.constructor.properties).find((each) => hyphened(each) === attribute);
    this.given.delete(name);
    this.propertyChanged(name);
  }

  propertyChanged(name) {
    if (this.isBuilt) this.changed(name);
  }

  readAttribute(name, kind) {
    try {
      return kind.read(this.getAttribute(hyphened(name)));
    } catch (error) {
      window.claryFrame?.report(`The attribute ${hyphened(name)} of ${this.localName} is ${error.message}`, "", 0);
      return kind.read(null);
    }
  }

  /** Makes the shadow tree, once. */
  build() {}

  /** A property is another one now. */
  changed() {}

  /** What the answer holds under the element's name; undefined: nothing. */
  submittable() {
    return undefined;
  }

  /** Takes what `submittable` gave, or an answer of before. */
  restore() {}

  /** Why the form cannot be submitted yet; "" if it can. */
  problem() {
    return "";
  }

  /** Shows the worker what `problem` says. */
  showProblem() {}

  shadow(styles, html) {
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = styles;
    root.innerHTML = html;
    return root;
  }

  /** Tells of a change by the worker, as ordinary fields do. */
  tellChange(type = "change") {
    this.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
  }
}

/** Puts children of these tags into the slots of the same name, now and when they come later. */
export function slotted(host, tags) {
  const place = () => {
    for (const child of host.children) {
      if (tags.includes(child.localName) && child.slot !== child.localName) child.slot = child.localName;
    }
  };
  place();
  new MutationObserver(place).observe(host, { childList: true });
}

export function escaped(text) {
  return String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function hyphened(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function asList(text) {
  const found = text !== null && /^\s*[^[{\s'"]/.test(text) ? [text.trim()] : parseOr(text, []);
  if (found === null) return [];
  return Array.isArray(found) ? found : [found];
}
