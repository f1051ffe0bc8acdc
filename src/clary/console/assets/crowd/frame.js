// The first script of a worker's frame: whatever goes wrong in the template after it is shown to the worker and told to the page.
"use strict";
(() => {
  const problems = [];
  const blocked = new Set();
  let scriptErrors = 0;
  const framed = window.parent !== window;

  function tell(message) {
    // The frame has no origin and may not know its page's; the server says who may show it (frame-ancestors).
    if (framed) window.parent.postMessage(message, "*");
  }

  function report(message, source, line) {
    if (problems.some((each) => each.message === message && each.line === line)) return;
    problems.push({ message, source, line });
    tell({ type: "clary:error", message, source, line });
    if (document.body) show();
    else document.addEventListener("DOMContentLoaded", show, { once: true });
  }

  function show() {
    let bar = document.getElementById("clary-problems");
    if (!bar) {
      bar = document.createElement("div");
      bar.id = "clary-problems";
      bar.setAttribute("role", "alert");
      bar.style.cssText =
        "position:fixed;left:0;bottom:0;z-index:2147483647;max-width:min(100%,720px);box-sizing:border-box;padding:8px 16px;" +
        "background:#2a1615;color:#f6c6c2;border:1px solid #f08a83;border-radius:0 6px 0 0;font:13px/1.5 system-ui,sans-serif";
      document.body.append(bar);
    }
    bar.textContent = "";
    for (const each of problems.slice(0, 5)) {
      const row = document.createElement("div");
      row.textContent = each.line ? `${each.message} (line ${each.line})` : each.message;
      bar.append(row);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.style.cssText =
      "margin-top:4px;background:none;border:0;padding:0;color:inherit;font:inherit;text-decoration:underline;cursor:pointer";
    close.onclick = () => bar.remove();
    bar.append(close);
  }

  // In the capture phase: elements that fail to load (scripts, images) do not bubble.
  window.addEventListener(
    "error",
    (event) => {
      if (event instanceof ErrorEvent) {
        scriptErrors += 1;
        report(`The template has an error: ${event.message}`, event.filename, event.lineno);
      } else if (event.target instanceof HTMLScriptElement && event.target.src) {
        const address = event.target.src; // why it was blocked, if it was, is known in a moment
        setTimeout(() => blocked.has(address) || report(`The template's script ${address} could not be loaded.`, address, 0), 100);
      }
    },
    true,
  );
  window.addEventListener("unhandledrejection", (event) => {
    report(`The template has an error: ${event.reason?.message ?? event.reason}`, "", 0);
  });
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.disposition !== "enforce") return;
    const what =
      { script: "a script", frame: "a page", img: "a picture", media: "a recording" }[event.effectiveDirective.split("-")[0]] ??
      "content";
    blocked.add(event.blockedURI);
    report(
      `The template loads ${what} from ${event.blockedURI || "elsewhere"}, which is blocked here: put a copy of it into the template, or ask ` +
        "whoever runs this server to list its address (CLARY_TEMPLATE_SOURCES).",
      event.blockedURI,
      0,
    );
  });

  window.claryFrame = {
    framed,
    tell,
    report,
    get scriptErrors() {
      return scriptErrors;
    },
  };
})();
