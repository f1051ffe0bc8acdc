// What arranges and tells: cards, alerts, tabs, badges, buttons with an icon, modals, toasts. None has a value.
// Unclosed tags (`<crowd-fab/>`) have what follows as their children: all show them.
import { CrowdElement, FLAG, NUMBER, TEXT, define, escaped } from "./element.js";
import { styles } from "./theme.js";

const CARD = styles(
  `:host { display: block; border: 1px solid var(--clary-line); border-radius: 8px; padding: 16px; margin: 8px 0; background: var(--clary-surface) } h2:empty { display: none } img { max-width: 100%; display: block; border-radius: 4px; margin-bottom: 8px }`,
);

class CrowdCard extends CrowdElement {
  build() {
    this.shadow(CARD, `<h2></h2><img alt="" hidden><slot></slot>`);
    this.changed();
  }

  changed() {
    const image = this.shadowRoot.querySelector("img");
    this.shadowRoot.querySelector("h2").textContent = this.heading;
    image.hidden = !this.image;
    if (this.image) image.src = this.image;
  }
}

define("crowd-card", CrowdCard, { heading: TEXT, image: TEXT });

const ALERT =
  styles(`:host { display: block; margin: 8px 0 } .alert { --c: var(--clary-run); border: 1px solid var(--c); border-left-width: 4px; border-radius: 6px; padding: 8px 12px; display: flex; gap: 16px; justify-content: space-between; align-items: flex-start }
  [data-type="success"] { --c: var(--clary-ok) } [data-type="error"] { --c: var(--clary-fail) } [data-type="warning"] { --c: var(--clary-warn) }`);

class CrowdAlert extends CrowdElement {
  build() {
    this.shadow(
      ALERT,
      `<div class="alert"><div><slot></slot></div><button class="button plain" type="button">Close</button></div>`,
    );
    this.shadowRoot.querySelector("button").addEventListener("click", () => this.remove());
    this.changed();
  }

  changed() {
    const alert = this.shadowRoot.querySelector(".alert");
    alert.dataset.type = this.type;
    alert.setAttribute("role", this.type === "error" ? "alert" : "status");
    this.shadowRoot.querySelector("button").hidden = !this.dismissible;
  }
}

define("crowd-alert", CrowdAlert, { type: TEXT, dismissible: FLAG });

const TABS =
  styles(`:host { display: block } [role="tablist"] { display: flex; gap: 16px; border-bottom: 1px solid var(--clary-line); margin-bottom: 12px; flex-wrap: wrap }
  [role="tab"] { all: unset; padding: 8px 0; color: var(--clary-muted); cursor: pointer } [role="tab"]:focus-visible { outline: 2px solid var(--clary-accent) }
  [aria-selected="true"] { color: var(--clary-text); font-weight: 600; box-shadow: inset 0 -2px var(--clary-accent) }`);

class CrowdTabs extends CrowdElement {
  build() {
    this.shadow(TABS, `<div role="tablist"></div><slot></slot>`);
    this.list = this.shadowRoot.querySelector("[role=tablist]");
    this.list.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.open((this.at + by + this.tabs.length) % this.tabs.length);
      this.list.children[this.at].focus();
    });
    new MutationObserver(() => this.open(this.at)).observe(this, { childList: true });
    this.open(0);
  }

  get tabs() {
    return Array.from(this.querySelectorAll(":scope > crowd-tab"));
  }

  open(at) {
    this.at = Math.min(Math.max(at, 0), Math.max(this.tabs.length - 1, 0));
    this.list.replaceChildren(
      ...this.tabs.map((tab, place) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = tab.getAttribute("header") ?? "";
        button.setAttribute("role", "tab");
        button.setAttribute("aria-selected", String(place === this.at));
        button.tabIndex = place === this.at ? 0 : -1;
        button.addEventListener("click", () => {
          this.open(place);
          this.list.children[place].focus();
        });
        tab.hidden = place !== this.at;
        tab.setAttribute("role", "tabpanel");
        return button;
      }),
    );
  }
}

const BLOCK = styles(":host { display: block }");

define(
  "crowd-tab",
  class CrowdTab extends CrowdElement {
    build() {
      this.shadow(BLOCK, "<slot></slot>");
    }
  },
);
define("crowd-tabs", CrowdTabs);

const BADGE = styles(
  `:host { display: inline-block } .badge { display: inline-block; background: var(--clary-accent); color: var(--clary-on-accent); border-radius: 10px; padding: 0 8px; font-size: 12px; line-height: 20px }`,
);

class CrowdBadge extends CrowdElement {
  build() {
    this.shadow(BADGE, `<span class="badge"></span><slot></slot>`);
    this.changed();
  }

  changed() {
    this.shadowRoot.querySelector(".badge").textContent = this.label || this.icon;
  }
}

define("crowd-badge", CrowdBadge, { for: TEXT, icon: TEXT, label: TEXT });

const ICON = styles(
  `:host { display: inline-block } :host(crowd-fab) { display: contents } :host(crowd-fab) .button { position: fixed; right: 24px; bottom: 24px; z-index: 10 }`,
);

/** crowd-fab and crowd-icon-button: the icon's name is its word, where there is no label. */
class IconButton extends CrowdElement {
  build() {
    this.shadow(ICON, `<button class="button" type="button"></button><slot></slot>`);
    this.changed();
  }

  changed() {
    const button = this.shadowRoot.querySelector("button");
    button.textContent = this.label || this.title || this.icon;
    button.title = this.title;
    button.disabled = this.disabled;
  }
}

define("crowd-fab", class CrowdFab extends IconButton {}, { icon: TEXT, label: TEXT, disabled: FLAG });
define("crowd-icon-button", class CrowdIconButton extends IconButton {}, { icon: TEXT, label: TEXT, disabled: FLAG });

const MODAL = styles(":host { display: inline-block }");

class CrowdModal extends CrowdElement {
  build() {
    this.shadow(
      MODAL,
      `<button type="button" data-open></button><dialog class="awsui-modal-dialog"><slot></slot>
      <p><button class="button" type="button" data-close>Close <kbd>Esc</kbd></button></p></dialog>`,
    );
    this.dialog = this.shadowRoot.querySelector("dialog");
    this.shadowRoot.querySelector("[data-open]").addEventListener("click", () => this.open());
    this.shadowRoot.querySelector("[data-close]").addEventListener("click", () => this.close());
    this.changed();
  }

  changed() {
    const button = this.shadowRoot.querySelector("[data-open]");
    button.textContent = this.linkText || "Open";
    button.className = this.linkType === "button" ? "button" : "button plain";
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  close() {
    this.dialog.close();
  }
}

define("crowd-modal", CrowdModal, { linkText: TEXT, linkType: TEXT });

const TOAST = styles(
  `:host { display: contents } .toast { position: fixed; left: 50%; bottom: 24px; translate: -50% 0; background: var(--clary-text); color: var(--clary-bg); border-radius: 6px; padding: 8px 16px; z-index: 20 } .toast[hidden] { display: none }`,
);

class CrowdToast extends CrowdElement {
  build() {
    this.shadow(TOAST, `<div class="toast" role="status" hidden></div><slot></slot>`);
    this.changed("opened");
  }

  changed(name) {
    const toast = this.shadowRoot.querySelector(".toast");
    toast.innerHTML = escaped(this.text);
    if (name !== "opened") return;
    toast.hidden = !this.opened;
    clearTimeout(this.timer);
    const lasts = this.duration ?? 3000;
    if (this.opened && lasts > 0) this.timer = setTimeout(() => this.hide(), lasts);
  }

  show(text) {
    if (typeof text === "string") this.text = text;
    this.opened = true;
  }

  hide() {
    this.opened = false;
  }

  toggle() {
    this.opened = !this.opened;
  }
}

define("crowd-toast", CrowdToast, { text: TEXT, duration: NUMBER, opened: FLAG });
