// The page of a task: takes one after the other, keeps drafts, sends answers; the frame in it holds the template and draws.
"use strict";
(() => {
  const body = document.body, { job, home, tasks, sandbox } = body.dataset;
  const byId = (id) => document.getElementById(id);
  const frames = byId("frames"), skipDialog = byId("skip"), overDialog = byId("over");
  const SILENT = 15_000; // milliseconds after which a frame that was loaded and says nothing is fetched again
  const IDLE = 60_000; // milliseconds without a sign of work that still count as work
  let now = null; // {task, holder, restored, over, sent}: sent while its answer, or word that it is left, is on its way
  let ahead = null; // a frame that holds the next object already: {key, element, isReady}
  let busy = false, deadline = 0, worked = 0, seen = performance.now(), poll = 0, soon = 0;

  const say = (text) => { byId("said").textContent = text; byId("said").hidden = !text; };

  // What the server is asked. An answer that cannot be sent is sent again until it is: nothing that was drawn is lost.
  async function post(path, value = {}, { patient = false, last = false } = {}) {
    for (;;) {
      let answer;
      try {
        const text = JSON.stringify(value);
        const keepalive = last && text.length < 60_000; // browsers send no more than that once a page is left
        answer = await fetch(path, { method: "POST", body: text, keepalive, headers: { Accept: "application/json", "Content-Type": "application/json" } });
      } catch (error) {
        if (!patient) throw error;
        say("Clary does not answer. What you did is kept here and sent again.");
        await new Promise((resolve) => setTimeout(resolve, 1500));
        continue;
      }
      const found = await answer.json();
      if (answer.ok) { say(""); return found; }
      if (answer.status === 401) { location.reload(); return new Promise(() => {}); }
      throw Object.assign(new Error(found.message), { code: found.code, status: answer.status });
    }
  }

  const step = (work) => async (...given) => {
    if (busy) return;
    busy = true;
    try { await work(...given); }
    catch (error) { failed(error); }
    finally { busy = false; }
  };

  function failed(error) {
    if (["ConflictException", "ResourceNotFound"].includes(error.code) && now) over(error.message);
    else say(error.message || "That did not work.");
  }

  const take = step(async () => show(await post(`${job}/take`, {}, { patient: true })));

  function show(state) {
    clearTimeout(poll);
    byId("none").hidden = Boolean(state.task);
    if (!state.task) return finished(state);
    const { task } = state;
    body.classList.toggle("text", task.text);
    byId("where").dataset.place = `${Math.min(state.done + 1, state.of)} of ${state.of}`;
    document.querySelector('[data-do="previous"]').disabled = !state.back;
    for (const name of ["skip", "nothing", "submit", "instructions"]) document.querySelector(`[data-do="${name}"]`).disabled = false;
    deadline = performance.now() + task.seconds * 1000;
    worked = 0;
    say("");
    if (now?.task.id !== task.id) open(task);
    else Object.assign(now, { task, sent: false });
    look(state.ahead);
    tick();
  }

  function open(task) {
    // One that is not there yet may never be: what comes next changes while it is fetched.
    const ready = ahead?.key === task.key && ahead.isReady ? ahead : null;
    if (ready) ahead = null;
    now?.holder.element.remove();
    now = { task, holder: ready ?? frame(task.frame, task.key) };
    if (now.holder.isReady) reveal();
    byId("noted").textContent = `Task ${byId("where").dataset.place}`;
  }

  function frame(address, key) {
    const element = document.createElement("iframe");
    element.setAttribute("sandbox", sandbox);
    element.title = "The task";
    element.tabIndex = -1;
    element.src = address;
    frames.append(element);
    const holder = { key, element, isReady: false };
    // A browser drops what it loads when the machine changes its network, and tells nobody: a frame that stays silent is fetched again.
    let tries = 0;
    element.addEventListener("load", () => setTimeout(() => {
      if (holder.isReady || !element.isConnected || tries >= 5) return;
      tries += 1;
      element.src = address;
    }, SILENT));
    return holder;
  }

  function look(next) {
    clearTimeout(soon);
    if (ahead?.key === next?.key) return;
    ahead?.element.remove();
    ahead = null;
    // The picture at hand first.
    if (next) soon = setTimeout(() => { ahead = frame(next.frame, next.key); ahead.element.setAttribute("aria-hidden", "true"); }, now.holder.isReady ? 50 : 600);
  }

  function reveal() {
    const { holder, task } = now;
    if (task.draft && !now.restored) { now.restored = true; tell("clary:restore", { draft: task.draft }); }
    holder.element.removeAttribute("aria-hidden");
    holder.element.tabIndex = 0;
    holder.element.classList.add("shown");
    frames.setAttribute("aria-busy", "false");
    if (!document.querySelector("dialog[open]")) holder.element.focus();
  }

  const tell = (type, more = {}) => now?.holder.element.contentWindow.postMessage({ type, ...more }, "*");

  // A frame has no origin: what counts is which window speaks.
  addEventListener("message", (event) => {
    if (ahead && event.source === ahead.element.contentWindow) {
      if (event.data?.type === "clary:ready") ahead.isReady = true;
      return;
    }
    if (!now || event.source !== now.holder.element.contentWindow) return;
    seen = performance.now();
    const message = event.data ?? {};
    if (message.type === "clary:ready") { now.holder.isReady = true; reveal(); }
    if (message.type === "clary:draft") keep(message.draft);
    if (message.type === "clary:kept") kept();
    if (message.type === "clary:answer") send(message.answer);
    if (message.type === "clary:refused") say(String(message.message));
    if (message.type === "clary:key") press(message.key);
    if (message.type === "clary:error") {
      // What it is, the frame itself shows.
      say("Something in this task's template does not work. Nothing is lost: go on if you can, skip it, or leave it to others.");
      reveal();
    }
  });

  // Drafts: one on its way at a time, and always the newest one.
  let draft = null, sending = null; // sending: a promise, while drafts are on their way
  function keep(value) {
    if (!now || now.over || now.sent) return;
    draft = { path: `${tasks}${now.task.id}/draft`, value };
    sending ??= sendDrafts().finally(() => { sending = null; });
  }

  async function sendDrafts() {
    while (draft) {
      const { path, value: newest } = draft;
      draft = null;
      try { await post(path, { draft: newest }, { last: true }); }
      catch (error) {
        if (error.code) { if (!busy && now && path.includes(now.task.id)) failed(error); }
        else if (!now?.sent) { say("Clary does not answer. What you draw is kept here and saved later."); draft ??= { path, value: newest }; await new Promise((resolve) => setTimeout(resolve, 2000)); }
      }
    }
  }

  // Done with the task at hand. A draft that came after its answer would be refused.
  async function part(how, value) {
    const from = now;
    from.sent = true;
    try {
      draft = null;
      await sending;
      return await post(`${tasks}${from.task.id}/${how}`, value, { patient: true });
    } catch (error) {
      from.sent = false;
      throw error;
    }
  }

  const send = step(async (answer) => {
    if (now.over) return;
    show(await part("submit", { answer, seconds: Math.round(worked) / 1000 }));
  });

  // What was drawn a moment ago is on its way before the page turns to another task.
  let kept = () => {};
  async function settle() {
    if (!now?.holder.isReady) return;
    await new Promise((resolve) => { kept = resolve; tell("clary:keep"); setTimeout(resolve, 1000); });
    await sending;
  }

  const previous = step(async () => {
    await settle();
    show(await post(`${job}/previous`, { before: now?.task.changes ? now.task.id : null }));
  });

  const leave = step(async (choice, reason) => {
    if (choice === "return") {
      await part("return", {});
      location.assign(home);
    } else show(await part("decline", { reason }));
  });

  function over(why) {
    if (now.over) return;
    now.over = true;
    byId("over-name").textContent = "This task is over";
    byId("over-why").textContent = why;
    skipDialog.close();
    overDialog.showModal();
  }

  function finished(state) {
    clearTimeout(soon);
    now?.holder.element.remove();
    ahead?.element.remove();
    now = ahead = null;
    const [title, text] = document.querySelectorAll("#none h2, #none p");
    title.textContent = state.ended ? "This job has ended" : "Nothing to do now";
    text.textContent = state.ended ? "What you did is kept." : `You did ${state.done}. If more comes for you, it is shown here by itself.`;
    byId("where").textContent = "";
    for (const button of document.querySelectorAll("header [data-do]")) button.disabled = true;
    frames.setAttribute("aria-busy", "false");
    if (state.done && !state.ended) document.querySelector('[data-do="previous"]').disabled = false;
    if (!state.ended) poll = setTimeout(take, 4000);
  }

  // The time that is left, and the time that was worked.
  let before = performance.now();
  function tick() {
    const at = performance.now(), since = at - before;
    before = at;
    if (!now) return;
    if (!document.hidden && at - seen < IDLE) worked += Math.min(since, 2000);
    const left = Math.max(0, Math.round((deadline - at) / 1000));
    const time = left >= 3600 ? `${Math.floor(left / 3600)}:${String(Math.floor(left / 60) % 60).padStart(2, "0")}:${String(left % 60).padStart(2, "0")}` : `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    byId("where").textContent = `${byId("where").dataset.place} · ${time}`;
    body.classList.toggle("late", left <= 30);
    if (left === 30) byId("noted").textContent = "30 seconds are left.";
    if (left === 0 && at > deadline + 500 && !busy && !now.over) over("Its time was over, so it goes to others or comes back later. What you drew was not sent.");
  }
  setInterval(tick, 1000);
  for (const type of ["pointermove", "keydown", "wheel"]) addEventListener(type, () => { seen = performance.now(); }, { passive: true });

  // What the bar does, by mouse and by key.
  const actions = {
    instructions: () => tell("clary:instructions"),
    previous: () => previous(),
    nothing: () => tell("clary:nothing"),
    submit: () => tell("clary:submit"),
    skip: () => { skipDialog.returnValue = ""; skipDialog.showModal(); },
  };
  const KEYS = { p: "previous", s: "skip", n: "nothing", enter: "submit" };

  function press(key) {
    const button = document.querySelector(`[data-do="${KEYS[String(key).toLowerCase()]}"]`);
    if (button?.offsetParent && !button.disabled && !busy && !document.querySelector("dialog[open]")) actions[button.dataset.do]();
  }

  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close]");
    if (close) close.closest("dialog").close(close.dataset.close);
    const button = event.target.closest("[data-do]");
    if (!button || busy) return;
    actions[button.dataset.do]();
    if (button.dataset.do !== "skip") now?.holder.element.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "Enter" && event.target.closest("button, a")) return;
    if (KEYS[event.key.toLowerCase()]) { event.preventDefault(); press(event.key); }
  });
  skipDialog.addEventListener("close", () => {
    const form = new FormData(skipDialog.querySelector("form"));
    const words = form.get("words").trim(), reason = [form.get("reason"), words].filter(Boolean).join(": ");
    if (skipDialog.returnValue === "return") leave("return");
    if (skipDialog.returnValue === "skip") leave("skip", reason);
    now?.holder.element.focus();
  });
  skipDialog.querySelector("form").addEventListener("submit", (event) => {
    const words = skipDialog.querySelector("[name=words]"), other = !new FormData(event.target).get("reason");
    words.setCustomValidity(other && !words.value.trim() ? "Say it in a few words." : "");
    if (!words.reportValidity()) event.preventDefault();
  });
  skipDialog.querySelector("[name=words]").addEventListener("input", (event) => event.target.setCustomValidity(""));
  overDialog.addEventListener("close", () => { now?.holder.element.remove(); now = null; take(); });
  overDialog.addEventListener("cancel", (event) => event.preventDefault());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  take();
})();
