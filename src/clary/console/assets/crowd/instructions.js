// Instructions: the regions of every tool, crowd-instructions, and the dialog that shows the long ones.
import { CrowdElement, TEXT, define, slotted } from "./element.js";
import { styles } from "./theme.js";

const DIALOG = `<dialog class="awsui-modal-dialog" aria-labelledby="title"><header><h2 id="title"></h2>
  <button class="button" type="button" data-close>Close <kbd>Esc</kbd></button></header><slot name="full-instructions"></slot></dialog>`;

/** A dialog with the full instructions that are children of the host; in the host's shadow tree. */
export class Instructions {
  static html = DIALOG;

  constructor(host) {
    this.host = host;
    this.dialog = host.shadowRoot.querySelector("dialog");
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    slotted(host, ["short-instructions", "full-instructions"]);
  }

  /** Whether there are any. */
  show() {
    const full = Array.from(this.host.children).find((each) => each.localName === "full-instructions");
    if (!full || this.dialog.open) return Boolean(full);
    this.dialog.querySelector("h2").textContent = full.getAttribute("header") || "Instructions";
    this.dialog.showModal();
    return true;
  }
}

const STYLES = styles(
  `:host { display: block } section { margin-top: 16px } h3 { font-size: 13px; color: var(--clary-muted); font-weight: 500; margin: 0 0 4px }`,
);
const REGIONS = [
  ["detailed-instructions", ""],
  ["positive-example", "Good example"],
  ["negative-example", "Bad example"],
];

class CrowdInstructions extends CrowdElement {
  build() {
    const sections = REGIONS.map(
      ([tag, title]) => `<section data-of="${tag}"><h3>${title}</h3><slot name="${tag}"></slot></section>`,
    ).join("");
    this.shadow(
      STYLES,
      `<slot name="short-summary"></slot><button type="button" data-open></button>
      <dialog aria-labelledby="title"><header><h2 id="title">Instructions</h2>
      <button class="button" type="button" data-close>Close <kbd>Esc</kbd></button></header>${sections}<slot></slot></dialog>`,
    );
    slotted(this, ["short-summary", ...REGIONS.map(([tag]) => tag)]);
    this.dialog = this.shadowRoot.querySelector("dialog");
    this.shadowRoot.querySelector("[data-open]").addEventListener("click", () => this.showInstructions());
    this.shadowRoot.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
    this.changed();
  }

  changed() {
    const open = this.shadowRoot.querySelector("[data-open]");
    open.textContent = this.linkText || "Click for instructions";
    open.className = this.linkType === "button" ? "button" : "button plain";
  }

  showInstructions() {
    const tags = new Set(Array.from(this.children, (each) => each.localName));
    for (const section of this.shadowRoot.querySelectorAll("section")) section.hidden = !tags.has(section.dataset.of);
    if (!this.dialog.open) this.dialog.showModal();
    return true;
  }
}

define("crowd-instructions", CrowdInstructions, { linkText: TEXT, linkType: TEXT });

/** short-instructions and full-instructions that stand in a form by themselves. */
class FullInstructions extends CrowdElement {
  build() {
    if (this.slot || (this.parentElement?.localName.startsWith("crowd-") && this.parentElement.localName !== "crowd-form")) return;
    this.shadow(
      STYLES,
      `<button class="button plain" type="button">Full instructions</button><dialog aria-labelledby="title">
      <header><h2 id="title"></h2><button class="button" type="button" data-close>Close <kbd>Esc</kbd></button></header><slot></slot></dialog>`,
    );
    this.dialog = this.shadowRoot.querySelector("dialog");
    this.shadowRoot.querySelector("h2").textContent = this.getAttribute("header") || "Instructions";
    this.shadowRoot.querySelector("button").addEventListener("click", () => this.showInstructions());
    this.shadowRoot.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
  }

  showInstructions() {
    if (!this.dialog) return false;
    if (!this.dialog.open) this.dialog.showModal();
    return true;
  }
}

define("full-instructions", FullInstructions);
