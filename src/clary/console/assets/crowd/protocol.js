// What the frame and its page say to each other. In: clary:restore, clary:keep, clary:submit, clary:nothing, clary:instructions.
// Out: clary:ready, clary:answer, clary:draft, clary:kept, clary:refused, clary:key, and from frame.js clary:error.
import { CrowdElement } from "./element.js";
import { fieldsOf, restoreField, stateOf } from "./form.js";
import { keyOf } from "./keys.js";
import { isFramed, tell } from "./page.js";

const PAUSE = 400; // milliseconds without a change until a draft is sent
const PAGE_KEYS = { p: "p", s: "s", n: "n", Enter: "Enter" };

export function start() {
  window.addEventListener("message", (event) => {
    if (event.source === window.parent && isFramed) hear(event.data);
  });
  for (const type of ["input", "change"]) document.addEventListener(type, later);
  window.addEventListener("pagehide", send);
  window.addEventListener("keydown", pass);
  window.addEventListener("focus", takeKeys);
  if (document.hasFocus()) takeKeys();
  tell({ type: "clary:ready" });
}

/** A frame that gets the focus hands it to the picture, for its keys. It takes none by itself: it may be loaded ahead. */
function takeKeys() {
  if (document.activeElement === document.body) document.querySelector(".clary-picture")?.focus();
}

function hear(message) {
  if (message?.type === "clary:restore") restore(message.draft);
  if (message?.type === "clary:keep") keep();
  if (message?.type === "clary:submit") submit();
  if (message?.type === "clary:nothing") nothing();
  if (message?.type === "clary:instructions") showInstructions();
}

/** All forms, those inside of elements that bring their own too. */
function forms() {
  const inside = Array.from(document.querySelectorAll("*"), (each) => each.shadowRoot?.querySelector("crowd-form"));
  return [...document.querySelectorAll("crowd-form"), ...inside.filter(Boolean)];
}

function submit() {
  const form = forms()[0];
  if (form) form.submit();
  else window.claryFrame?.report("The template has no crowd-form: there is nothing that collects an answer.", "", 0);
}

function nothing() {
  for (const form of forms()) {
    for (const element of form.querySelectorAll("*")) if (element instanceof CrowdElement) element.nothing?.();
    form.getRootNode().host?.nothing?.();
  }
  submit();
}

function showInstructions() {
  for (const element of document.querySelectorAll("*")) {
    if (element instanceof CrowdElement && element.showInstructions?.()) return;
  }
  tell({ type: "clary:refused", message: "This task has no further instructions." });
}

// A draft is {fields: [[name, state], …]} in the order of the page; an answer of before, {name: value}, is taken too.

let timer = 0;

function later(event) {
  if (event.target.closest?.("#clary-problems")) return;
  clearTimeout(timer);
  timer = setTimeout(send, PAUSE);
}

function send() {
  if (!timer) return;
  clearTimeout(timer);
  timer = 0;
  const fields = forms().flatMap((form) => fieldsOf(form).map((field) => [field.getAttribute("name"), stateOf(field) ?? null]));
  tell({ type: "clary:draft", draft: { fields } });
}

/** What was not sent yet, and word that it was. */
function keep() {
  send();
  tell({ type: "clary:kept" });
}

function restore(draft) {
  if (!draft) return;
  const fields = forms().flatMap(fieldsOf);
  if (!isDraft(draft)) {
    for (const field of fields) restoreField(field, draft[field.getAttribute("name")]);
    return;
  }
  const states = new Map();
  for (const [name, state] of draft.fields) states.set(name, [...(states.get(name) ?? []), state]);
  for (const field of fields) restoreField(field, states.get(field.getAttribute("name"))?.shift());
}

/** An answer may have a field of that name, too. */
function isDraft({ fields }) {
  return Array.isArray(fields) && fields.every((each) => Array.isArray(each) && each.length === 2);
}

function pass(event) {
  const key = PAGE_KEYS[keyOf(event)];
  if (!key || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const target = event.composedPath()[0];
  if (
    isField(target) ||
    (key === "Enter" && target instanceof Element && target.matches("button, a[href], summary, select, label"))
  )
    return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  tell({ type: "clary:key", key });
}

function isField(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !["checkbox", "radio", "button", "submit", "reset", "range"].includes(target.type);
}
