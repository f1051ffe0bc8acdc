// crowd-image-classifier and -multi-select: a picture, on which an answer of before may lie, and its categories.
import { Selection } from "./classifiers.js";
import { JSON5, LIST, TEXT, define, escaped, slotted } from "./element.js";
import { keyOf } from "./keys.js";
import { exact, shown } from "./stage/colours.js";
import { WINDOW, pick } from "./stage/layout.js";
import { ImageTool } from "./stage/tool.js";

class ImageClassifier extends ImageTool {
  static noun = "overlay";
  static without = ["undo", "redo"];
  static isMany = false;
  static keys = { Window: [...WINDOW, ["Hide the overlay", "`H`"]] };

  build() {
    this.selection = new Selection({ isMany: this.constructor.isMany, excluding: this.exclusionCategory?.text });
    super.build();
    const section = (name) => this.shadowRoot.querySelector(`[data-section="${name}"]`);
    section("labels").querySelector("h2").textContent = this.constructor.isMany ? "Categories" : "Category";
    section("labels").append(section("marks").querySelector(".problem"));
    section("marks").hidden = true;
    slotted(this, ["worker-comment"]);
    this.comment();
    this.overlaid();
  }

  get labels() {
    return this.categories;
  }

  changed(name) {
    super.changed(name);
    if (name === "categories") this.labelled();
    if (name === "overlay") this.overlaid();
  }

  reset() {
    this.selection.clear();
    this.labelled();
  }

  colour(label) {
    return this.selection.chosen.has(label) ? "var(--clary-accent)" : "var(--clary-line)";
  }

  showLabels() {
    const { excluding, isExcluded, chosen } = this.selection;
    const list = this.shadowRoot.querySelector(".labels");
    const rows = this.categories.map((category, place) =>
      pick({
        name: category,
        colour: this.colour(category),
        more: place < 9 ? String(place + 1) : "",
        pressed: chosen.has(category),
        onPick: () => this.choose(category),
      }),
    );
    if (this.constructor.isMany && excluding)
      rows.push(
        pick({
          name: excluding,
          colour: isExcluded ? "var(--clary-accent)" : "var(--clary-line)",
          more: "X",
          pressed: isExcluded,
          onPick: () => this.exclude(),
        }),
      );
    list.replaceChildren(...rows);
  }

  choose(category) {
    this.selection.toggle(category);
    this.chosen(`${category}${this.selection.chosen.has(category) ? "" : " no more"}`);
  }

  exclude() {
    this.selection.exclude();
    this.chosen(this.selection.excluding);
  }

  chosen(spoken) {
    this.isNothing = false;
    this.showLabels();
    this.showProblem("");
    this.say(spoken);
    this.tellChange();
  }

  key(event) {
    if (keyOf(event) === "x" && this.constructor.isMany && this.selection.excluding && !event.ctrlKey && !event.metaKey) {
      this.exclude();
      return true;
    }
    return super.key(event);
  }

  // The overlay: {boundingBox: {labels, value}} is drawn, {semanticSegmentation|instanceSegmentation: {src, …}} laid above the picture.

  overlaid() {
    const { boundingBox, semanticSegmentation, instanceSegmentation } = this.overlay ?? {};
    const mask = semanticSegmentation ?? instanceSegmentation;
    this.boxes = boundingBox?.value ?? [];
    this.boxLabels = boundingBox?.labels ?? [];
    const under = this.shadowRoot.querySelector(".under");
    under.replaceChildren();
    if (mask?.src) {
      const image = new Image();
      image.alt = "";
      image.style.cssText = "position:absolute;left:0;top:0;opacity:.5;image-rendering:pixelated;max-width:none";
      image.src = mask.src;
      under.append(image);
    }
    const named = mask?.instances ?? Object.entries(mask?.labelMappings ?? {}).map(([label, { color }]) => ({ label, color }));
    const rows = [
      ...named.map(({ label, color }) => [label, color]),
      ...this.boxLabels.map((label, place) => [label, shown(place)]),
    ];
    const section = this.shadowRoot.querySelector('[data-section="marks"]');
    section.hidden = rows.length === 0;
    section.querySelector("ul").innerHTML = rows
      .map(
        ([label, colour], place) =>
          `<li><span class="name"><i class="swatch" style="display:inline-block;margin-right:8px;background:${escaped(colour ?? exact(place))}"></i>${escaped(label)}</span></li>`,
      )
      .join("");
    this.draw();
  }

  drawMarks() {
    const under = this.shadowRoot.querySelector(".under");
    under.hidden = this.marks.hasAttribute("hidden");
    for (const image of under.children)
      Object.assign(image.style, { width: `${this.size.width}px`, height: `${this.size.height}px` });
    this.marks.innerHTML = this.boxes
      .map(({ label, left, top, width, height }) => {
        const colour = shown(Math.max(this.boxLabels.indexOf(label), 0));
        const at = this.view.toStage(left, top);
        return `<g stroke="${colour}" fill="${colour}"><rect x="${at.x}" y="${at.y}" width="${width * this.view.scale}" height="${height * this.view.scale}" fill-opacity=".1" stroke-width="1.5"/>
          <text x="${at.x + 4}" y="${at.y - 5}" stroke="none" style="font:600 12.5px system-ui,sans-serif">${escaped(label)}</text></g>`;
      })
      .join("");
  }

  hide() {
    super.hide();
    this.draw();
  }

  // A comment of the worker's, behind a link, if the template asks for one.

  comment() {
    const asked = this.querySelector("worker-comment");
    if (!asked) return;
    const section = document.createElement("section");
    section.innerHTML = `<details><summary></summary><label><span class="label"></span><textarea class="field" rows="3"></textarea></label></details>`;
    section.querySelector("summary").textContent = asked.getAttribute("link-text") || "Add a comment";
    section.querySelector(".label").textContent = asked.getAttribute("header") || "Comment";
    this.remark = section.querySelector("textarea");
    this.remark.placeholder = asked.getAttribute("placeholder") ?? "";
    this.shadowRoot.querySelector('[data-section="marks"]').before(section);
  }

  // The answer.

  submittable() {
    const answer = this.selection.answer(this.categories);
    const comment = this.remark?.value.trim();
    return answer && comment ? { ...answer, workerComment: comment } : answer;
  }

  get value() {
    const answer = this.submittable();
    return this.constructor.isMany ? (answer?.labels ?? []) : (answer?.label ?? "");
  }

  set value(value) {
    this.restore(typeof value === "string" ? { label: value } : Array.isArray(value) ? { labels: value } : value);
  }

  restore(state) {
    this.selection.restore(state);
    if (this.remark && state?.workerComment) {
      this.remark.value = state.workerComment;
      this.remark.closest("details").open = true;
    }
    this.showLabels();
  }

  clear() {
    this.selection.clear();
    this.showLabels();
  }

  nothing() {
    this.clear();
    this.isNothing = this.constructor.isMany;
  }

  problem() {
    if (!this.isLoaded) return "The picture is not there yet.";
    return this.isNothing ? "" : this.selection.problem();
  }
}

const OWN = { src: TEXT, header: TEXT, categories: LIST, overlay: JSON5, exclusionCategory: JSON5 };

define("crowd-image-classifier", class CrowdImageClassifier extends ImageClassifier {}, OWN);
define(
  "crowd-image-classifier-multi-select",
  class CrowdImageClassifierMultiSelect extends ImageClassifier {
    static isMany = true;
  },
  OWN,
);
