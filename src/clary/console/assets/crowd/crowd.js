// Clary's Crowd HTML Elements: the tags, attributes, properties and events of AWS's, as standard web components.
import "./form.js";
import "./button.js";
import "./instructions.js";
import "./fields.js";
import "./choices.js";
import "./slider.js";
import "./boards.js";
import "./classifiers.js";
import "./image-classifiers.js";
import "./bounding-box.js";
import "./keypoint.js";
import "./paths.js";
import "./segmentation.js";
import "./entity.js";
import "./generated-text.js";
import { start } from "./protocol.js";
import { install } from "./theme.js";

install();

let isReady = false;

function ready() {
  if (isReady) return;
  isReady = true;
  const unknown = new Set(Array.from(document.querySelectorAll(":not(:defined)"), (each) => each.localName));
  for (const tag of unknown) {
    if (tag.startsWith("crowd-"))
      window.claryFrame?.report(
        `The template uses ${tag}, which Clary does not have: docs/guides/templates.md lists those it has.`,
        "",
        0,
      );
  }
  document.dispatchEvent(new Event("all-crowd-elements-ready", { bubbles: true }));
  start();
}

// After the template's own modules, which listen for it.
if (document.readyState === "complete") queueMicrotask(ready);
else
  for (const [target, type] of [
    [document, "DOMContentLoaded"],
    [window, "load"],
  ])
    target.addEventListener(type, ready, { once: true });
