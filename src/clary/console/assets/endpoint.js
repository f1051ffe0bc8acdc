// The form that asks an endpoint: sends what was typed, or a file, and shows the answer; boxes are drawn on a picture.
"use strict";
(() => {
  const form = document.querySelector("[data-ask]");
  const answer = document.querySelector("[data-answer]"), figure = document.querySelector("[data-picture]");
  const took = document.querySelector("[data-took]");
  const SVG = "http://www.w3.org/2000/svg";
  const ENOUGH = 0.3; // score from which on a box is drawn

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = form.file.files[0];
    const type = file ? file.type || "application/octet-stream" : form.type.value;
    took.textContent = "asking…";
    const began = performance.now();
    let told;
    try {
      const body = file ?? form.body.value;
      const headers = { "Content-Type": type, Accept: "application/json" };
      if (type.startsWith("image/")) headers["X-Accept"] = "application/json";
      const reply = await fetch(form.dataset.ask, { method: "POST", headers, body });
      told = await reply.json();
      if (!reply.ok) told = { text: `${told.code}: ${told.message}` };
    } catch (error) {
      told = { text: `Clary does not answer: ${error.message}` };
    }
    took.textContent = `${Math.round(performance.now() - began)} ms${told.variant ? `, by ${told.variant}` : ""}`;
    answer.textContent = told.document ? JSON.stringify(told.document, null, 1) : told.text;
    answer.hidden = false;
    figure.hidden = true;
    if (file && type.startsWith("image/")) draw(file, told.document);
  });

  form.querySelector("button").disabled = false; // until here a click would have sent the form to this page

  // [[class, score, xmin, ymin, xmax, ymax], …] in fractions, as the built-in detector answers.
  function draw(file, document_) {
    const boxes = (document_?.prediction ?? []).filter((box) => Array.isArray(box) && box.length >= 6 && box[1] >= ENOUGH);
    const image = new Image();
    image.addEventListener("load", () => {
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", `${file.name} with ${boxes.length} boxes`);
      const size = Math.max(image.naturalWidth, image.naturalHeight) / 40;
      for (const [kind, score, left, top, right, bottom] of boxes) {
        const [w, h] = [image.naturalWidth, image.naturalHeight];
        const box = document.createElementNS(SVG, "rect");
        for (const [name, value] of Object.entries({ x: left * w, y: top * h, width: (right - left) * w, height: (bottom - top) * h })) box.setAttribute(name, value);
        const text = document.createElementNS(SVG, "text");
        text.setAttribute("x", left * w);
        text.setAttribute("y", Math.max(size, top * h - size / 4));
        text.setAttribute("font-size", size);
        text.textContent = `${kind} · ${score.toFixed(2)}`;
        svg.append(box, text);
      }
      figure.replaceChildren(image, svg);
      figure.hidden = false;
    });
    image.alt = file.name;
    image.src = URL.createObjectURL(file);
  }

  const drop = document.querySelector(".drop");
  for (const kind of ["dragover", "dragenter"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); form.file.files = event.dataTransfer.files; form.requestSubmit(); });
})();
