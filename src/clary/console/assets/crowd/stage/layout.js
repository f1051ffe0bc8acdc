// The tool's parts: the stage with the picture, and the panel beside it.
import { escaped } from "../element.js";
import { Instructions } from "../instructions.js";
import { isFramed } from "../page.js";
import { styles } from "../theme.js";

export const STYLES = styles(`
  :host { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr) 240px; height: 100dvh; min-height: 320px; background: var(--clary-bg); overflow: hidden; position: relative }
  .stage { position: relative; overflow: hidden; touch-action: none; user-select: none; -webkit-user-select: none; cursor: crosshair; background: var(--clary-bg) }
  .stage:focus-visible { outline-offset: -2px } .stage[data-by-pointer]:focus-visible { outline: none }
  .stage[data-cursor="move"] { cursor: move } .stage[data-cursor="pan"] { cursor: grab } .stage[data-cursor="level"] { cursor: ns-resize }
  .stage[data-cursor="nwse"] { cursor: nwse-resize } .stage[data-cursor="nesw"] { cursor: nesw-resize } .stage[data-cursor="ns"] { cursor: ns-resize } .stage[data-cursor="ew"] { cursor: ew-resize }
  .stage[data-cursor="point"] { cursor: pointer }
  .picture { position: absolute; left: 0; top: 0; transform-origin: 0 0 } .picture > * { position: absolute; left: 0; top: 0; display: block; max-width: none }
  .close-up .picture > * { image-rendering: pixelated }
  .marks { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none } .marks[hidden] { display: none }
  .notice { position: absolute; inset: 0; display: grid; place-items: center; padding: 24px; text-align: center; color: var(--clary-muted); pointer-events: none } .notice:empty { display: none }
  .notice.problem { color: var(--clary-fail); margin: 0; font-size: 14px }
  .panel { border-left: 1px solid var(--clary-line); padding: 16px; font-size: 13px; overflow: auto; display: flex; flex-direction: column; gap: 20px }
  .panel h2 { font-size: 12px; color: var(--clary-muted); font-weight: 500; margin: 0 0 6px } .panel h1 { font-size: 13px; font-weight: 600; margin: 0 0 6px; line-height: 1.4 }
  .rows { list-style: none; margin: 0; padding: 0 }
  .rows > li { border-top: 1px solid var(--clary-line); display: flex; justify-content: space-between; align-items: center; gap: 8px; min-height: 28px; padding: 3px 0 }
  .rows.keys > li > span { white-space: nowrap } .rows.keys > li > span:last-child { text-align: right }
  .marked .pick { flex-wrap: wrap; row-gap: 0 } .marked .pick > :last-child { margin-left: auto } .said:not(:has(h1:not([hidden]))):not([data-more]) { display: none }
  .pick[aria-pressed="true"] kbd { border-color: var(--clary-muted) }
  .pick { all: unset; box-sizing: border-box; flex: 1; min-width: 0; display: flex; justify-content: space-between; align-items: center; gap: 8px; padding: 4px 6px; margin: -1px -6px; border-radius: 4px; cursor: pointer }
  .pick:focus-visible { outline: 2px solid var(--clary-accent); outline-offset: -2px } .pick:hover { background: var(--clary-sunken) }
  .pick[aria-pressed="true"], .pick[aria-current="true"] { background: var(--clary-accent-soft) }
  .pick .name { min-width: 0; max-width: 100%; display: flex; align-items: center; gap: 8px } .pick .name > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap } .swatch { flex: none; width: 10px; height: 10px; border-radius: 2px }
  .mono { font: 12.5px/1.6 var(--clary-mono); white-space: nowrap } .labels { max-height: 40vh; overflow: auto; padding: 0 6px; margin: 0 -6px }
  .filter { margin-bottom: 8px; padding: 4px 8px; font-size: 13px }
  .problem[data-for="marks"] { margin: 0 }
  .touch { display: none; flex-wrap: wrap; gap: 8px } @media (pointer: coarse) { .touch { display: flex } }
  @media (max-width: 760px) {
    .touch { display: flex }
    :host { grid-template: minmax(240px, 60dvh) auto / minmax(0, 1fr); height: auto; min-height: 100dvh }
    .panel { border-left: 0; border-top: 1px solid var(--clary-line) } .keys-only { display: none }
  }
`);

/** `sections`: what the panel tells of keys, {title: [[what, how], …]}; in how, \`Key\` is a key. */
export function html(header, noun, sections) {
  return `
    <div class="stage annotation-area" tabindex="0" role="application" aria-roledescription="picture to mark" aria-describedby="spoken">
      <div class="picture"><img alt="" draggable="false"><canvas class="upper-canvas" hidden></canvas><div class="under"></div></div>
      <svg class="marks" aria-hidden="true"></svg><div class="notice" role="status"></div>
    </div>
    <aside class="panel awsui-app-layout__navigation" aria-label="Labels and keys">
      <section class="said"><h1>${escaped(header)}</h1><slot name="short-instructions"></slot></section>
      ${isFramed ? "" : '<button class="button" type="button" data-full hidden>Full instructions</button>'}
      <slot name="above"></slot>
      <section data-section="labels" class="category-picker-wrapper"><h2>Labels</h2><input class="field filter" type="search" placeholder="Find a label" aria-label="Find a label" hidden><ul class="rows labels"></ul></section>
      <section data-section="marks"><h2>${capital(noun)}</h2><ul class="rows marked"></ul><div class="problem" data-for="marks" role="alert"></div></section>
      <section class="touch row" aria-label="Actions">${TOUCH.map(([act, name]) => `<button class="button" type="button" data-act="${act}">${name}</button>`).join("")}</section>
      <slot></slot>
      ${Object.entries(sections)
        .map(([title, rows]) => keys(title, rows))
        .join("")}
    </aside>
    <div class="unseen" aria-live="polite" data-live></div><div class="unseen" id="spoken">Draw with the pointer, or press A to add and the arrows to move.</div>
    ${Instructions.html}`;
}

/** What fingers have no other way to: methods of the tool. */
const TOUCH = [
  ["undo", "Undo"],
  ["redo", "Redo"],
  ["remove", "Delete"],
  ["hide", "Hide"],
  ["invert", "Invert"],
  ["fit", "Fit"],
];

export const WINDOW = [
  ["Level, width", "right drag"],
  ["Invert", "`I`"],
  ["Zoom, pan", "wheel, `Space` drag"],
  ["Fit, 1:1", "`0` `9`"],
];

function keys(title, rows) {
  const items = rows
    .map(([what, how]) => `<li data-row="${escaped(what)}"><span>${escaped(what)}</span><span>${withKeys(how)}</span></li>`)
    .join("");
  return `<section class="keys-only"><h2>${escaped(title)}</h2><ul class="rows keys">${items}</ul></section>`;
}

function withKeys(how) {
  return escaped(how).replace(/`([^`]+)`/g, "<kbd>$1</kbd>");
}

function capital(noun) {
  return escaped(noun[0].toUpperCase() + noun.slice(1));
}

/** A row of the panel that is a button. */
export function pick({ name, colour, more, isMono, pressed, current, onPick }) {
  const row = document.createElement("li");
  row.innerHTML = `<button class="pick" type="button"><span class="name"><i class="swatch"></i><span></span></span><span></span></button>`;
  const button = row.firstChild;
  const swatch = row.querySelector(".swatch");
  if (colour) swatch.style.background = colour;
  else swatch.remove();
  button.querySelector(".name > span").textContent = name;
  button.querySelector(".name").title = name;
  const end = button.lastChild;
  if (isMono) end.className = "mono";
  if (isMono) end.textContent = more;
  else if (more) end.innerHTML = `<kbd>${escaped(more)}</kbd>`;
  if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
  if (current !== undefined) button.setAttribute("aria-current", String(current));
  button.addEventListener("click", onPick);
  return row;
}
