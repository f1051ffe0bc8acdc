// crowd-button: submits or resets its form, opens an address, or is what a template's script makes of it.
import { CrowdElement, FLAG, TEXT, define } from "./element.js";
import { styles } from "./theme.js";

const STYLES = styles(`
  :host { display: inline-block }
  .button { display: inline-flex; gap: 6px; align-items: center }
  img { width: 16px; height: 16px }
`);

export class CrowdButton extends CrowdElement {
  build() {
    this.shadow(STYLES, `<button class="button" type="button" part="button"><slot></slot></button>`);
    this.button = this.shadowRoot.querySelector("button");
    this.addEventListener("click", (event) => this.pressed(event));
    this.changed();
  }

  changed() {
    this.button.disabled = this.disabled || this.loading;
    this.button.setAttribute("aria-busy", String(this.loading));
    this.button.className = `button ${{ primary: "main", link: "plain", icon: "plain" }[this.variant] ?? ""}`;
    this.button.querySelector("img")?.remove();
    if (!this.iconUrl) return;
    const image = document.createElement("img");
    image.alt = "";
    image.src = this.iconUrl;
    this.button[this.iconAlign === "right" ? "append" : "prepend"](image);
  }

  focus() {
    this.button.focus();
  }

  pressed(event) {
    if (this.button.disabled || event.defaultPrevented) return;
    const form = this.closest("crowd-form") ?? this.getRootNode().host?.closest?.("crowd-form");
    if (this.formAction === "submit") form?.submit();
    if (this.formAction === "reset") form?.reset();
    if (this.href) window.open(this.href, this.target || "_blank", "noopener");
  }
}

define("crowd-button", CrowdButton, {
  formAction: TEXT,
  variant: TEXT,
  href: TEXT,
  target: TEXT,
  icon: TEXT,
  iconUrl: TEXT,
  iconAlign: TEXT,
  loading: FLAG,
  disabled: FLAG,
});
