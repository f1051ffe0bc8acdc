// The look: tokens of the console under names of our own (a template may use any other), and the few parts that elements are made of.
// A picture is marked in the dark; other templates are light or dark by the system, or light if they have colours of their own.

const document_ = new CSSStyleSheet();
document_.replaceSync(`
:where(:root) {
  color-scheme: light;
  --clary-bg: light-dark(#ffffff, #0b0d0c); --clary-surface: light-dark(#ffffff, #191d1a); --clary-sunken: light-dark(#eef0eb, #0d0f0e);
  --clary-line: light-dark(#dfe3db, #2a302c); --clary-text: light-dark(#1b211d, #e7ebe6); --clary-muted: light-dark(#5f6a63, #98a39b);
  --clary-accent: light-dark(#3f7552, #7fbf94); --clary-accent-soft: light-dark(#e6f0e9, #1f3227); --clary-on-accent: light-dark(#ffffff, #0d1410);
  --clary-run: light-dark(#2b67a8, #79b0ea); --clary-ok: light-dark(#2f7d4f, #74c794); --clary-warn: light-dark(#94600b, #e0b15a); --clary-fail: light-dark(#b03434, #f08a83);
  --clary-body: "Inter", system-ui, -apple-system, "Segoe UI", sans-serif; --clary-mono: ui-monospace, "DejaVu Sans Mono", Menlo, monospace;
}
:where(:root.clary-by-system) { color-scheme: light dark }
:where(:root:has(.clary-picture)) { color-scheme: dark }
:where(body) { margin: 0; background: var(--clary-bg); color: var(--clary-text); font: 14px/1.5 var(--clary-body); font-variant-numeric: tabular-nums }
:where(crowd-form) { display: block; padding: 16px }
:where(crowd-form:has(> .clary-picture)) { padding: 0 }
:where(short-instructions, full-instructions, classification-target, short-summary, detailed-instructions, positive-example, negative-example) { display: block }
`);

/** Beside a template's own styles, which win. */
export function install() {
  if (!document.adoptedStyleSheets.includes(document_)) document.adoptedStyleSheets = [document_, ...document.adoptedStyleSheets];
  document.documentElement.classList.toggle("clary-by-system", !hasColours());
}

/** Whether the template has colours of its own, which were chosen for a white page. */
function hasColours() {
  const rules = Array.from(document.querySelectorAll("style"), (each) => each.textContent).join("\n");
  if (/(^|[^-\w])(background|background-color|color)\s*:/.test(rules)) return true;
  return document.querySelector('[style*="color"], [style*="background"], [bgcolor], [color], link[rel~="stylesheet"]') !== null;
}

const parts = new CSSStyleSheet();
parts.replaceSync(`
:host { box-sizing: border-box; font: 14px/1.5 var(--clary-body); color: var(--clary-text) }
:host([hidden]) { display: none !important }
*, *::before, *::after { box-sizing: border-box }
:focus-visible { outline: 2px solid var(--clary-accent); outline-offset: 2px; border-radius: 4px }
.button { font: 500 13px/1 var(--clary-body); padding: 8px 12px; border-radius: 6px; border: 1px solid var(--clary-line); background: var(--clary-surface); color: var(--clary-text); cursor: pointer }
.button:hover { border-color: var(--clary-muted) } .button:disabled { opacity: .5; cursor: default }
.button.main { background: var(--clary-accent); border-color: var(--clary-accent); color: var(--clary-on-accent) }
.button.plain { border-color: transparent; background: none; color: var(--clary-accent); padding-inline: 4px }
.field { width: 100%; font: 14px/1.5 var(--clary-body); padding: 6px 10px; border: 1px solid var(--clary-line); border-radius: 6px; background: var(--clary-surface); color: inherit }
.field:disabled { opacity: .6 }
.label { display: block; font-size: 13px; color: var(--clary-muted); margin-bottom: 4px }
.problem { color: var(--clary-fail); font-size: 13px; margin-top: 4px } .problem:empty { display: none }
.muted { color: var(--clary-muted) }
h2 { font-size: 15px; line-height: 1.35; margin: 0; font-weight: 600 }
kbd { font: 11.5px/1.4 var(--clary-mono); border: 1px solid var(--clary-line); border-radius: 4px; padding: 1px 5px }
dialog { color: var(--clary-text); background: var(--clary-surface); border: 1px solid var(--clary-line); border-radius: 8px; padding: 24px; width: min(720px, calc(100vw - 32px)); max-height: calc(100vh - 64px) }
dialog::backdrop { background: rgb(0 0 0 / .5) }
dialog header { display: flex; justify-content: space-between; gap: 16px; align-items: flex-start; margin-bottom: 12px }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important } }
`);

/** A stylesheet of an element, with the parts that all share before it. */
export function styles(text) {
  const own = new CSSStyleSheet();
  own.replaceSync(text);
  return [parts, own];
}
