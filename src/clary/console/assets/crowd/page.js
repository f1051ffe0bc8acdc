// The way to the page around the frame: messages out. Without one (a template opened by itself) the answer is shown.

export const isFramed = window.parent !== window;

export function tell(message) {
  window.claryFrame ? window.claryFrame.tell(message) : isFramed && window.parent.postMessage(message, "*");
}

export function sendAnswer(answer) {
  document.dispatchEvent(new CustomEvent("clary-answer", { detail: answer }));
  if (isFramed) tell({ type: "clary:answer", answer });
  else preview(answer);
}

function preview(answer) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("pre");
  const words = document.createElement("p");
  const close = document.createElement("button");
  words.textContent = "This template was opened without a task. It would submit:";
  text.textContent = JSON.stringify(answer, null, 2);
  text.style.cssText = "max-width:70vw;max-height:60vh;overflow:auto";
  close.textContent = "Close";
  close.onclick = () => dialog.remove();
  dialog.append(words, text, close);
  document.body.append(dialog);
  dialog.showModal();
}
