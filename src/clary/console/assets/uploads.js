// Uploads to S3: files that are chosen or dropped go there in parts, three at once; one that was cut goes on where it stopped.
"use strict";
(() => {
  const place = document.querySelector("[data-upload]");
  const { bucket, prefix } = place.dataset;
  const list = place.querySelector("[data-uploads]"), said = place.querySelector("[data-said]");
  const AT_ONCE = 3, TRIES = 6;
  let active = 0;

  class Refused extends Error {} // trying again would not help

  async function ask(what, given) {
    const answer = await fetch(`/_/uploads/${what}`, { method: "POST", headers: { Accept: "application/json" }, body: JSON.stringify(given) });
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401) throw new Refused("your session is over; `clary console` prints a link to sign in");
    if (answer.status >= 400 && answer.status < 500) throw new Refused(told.message ?? answer.statusText);
    if (!answer.ok) throw new Error(told.message ?? answer.statusText);
    return told;
  }

  // The bytes to an address of S3. An address is too old (403) after a laptop's lid was closed: a new one helps.
  function put(address, blob, type, signal, progress) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      const stop = () => request.abort();
      request.open("PUT", address);
      if (type) request.setRequestHeader("Content-Type", type);
      request.upload.addEventListener("progress", (event) => progress(event.loaded));
      request.addEventListener("load", () => {
        if (request.status < 300) { done(); return; }
        const text = new DOMParser().parseFromString(request.responseText, "text/xml").querySelector("Message")?.textContent;
        const message = text ?? `S3 answered ${request.status}`;
        fail(request.status >= 500 || request.status === 403 ? new Error(message) : new Refused(message));
      });
      request.addEventListener("error", () => fail(new Error("Clary does not answer")));
      request.addEventListener("abort", () => fail(new Refused("cancelled")));
      request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
      if (signal.aborted) { fail(new Refused("cancelled")); return; }
      signal.addEventListener("abort", stop);
      request.send(blob);
    });
  }

  // So long, or until the network is back.
  const pause = (seconds) => new Promise((done) => {
    const end = () => { clearTimeout(timer); removeEventListener("online", end); done(); };
    const timer = setTimeout(end, seconds * 1000);
    addEventListener("online", end);
  });

  async function patiently(work, signal, tell) {
    for (let tried = 1; ; tried += 1) {
      try { return await work(); } catch (error) {
        if (error instanceof Refused || signal.aborted || tried === TRIES) throw error;
        tell(`${error.message}; trying again`);
        await pause(2 ** (tried - 1) / 2);
      }
    }
  }

  // Three requests at once, of all files together: a browser opens few connections to one server.
  let free = AT_ONCE;
  const waiting = [];
  async function inTurn(work) {
    if (free > 0) free -= 1; else await new Promise((go) => waiting.push(go));
    try { return await work(); } finally { const next = waiting.shift(); if (next) next(); else free += 1; }
  }

  const size = (bytes) => {
    for (const unit of ["B", "kB", "MB", "GB"]) {
      if (bytes < 1000 || unit === "GB") return unit === "B" ? `${bytes} B` : `${bytes.toFixed(1)} ${unit}`;
      bytes /= 1000;
    }
  };
  const pageOf = (key) => `/_/data/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;

  class Upload {
    constructor(file, key) {
      this.file = file;
      this.key = key;
      this.memory = `clary-upload:${JSON.stringify([bucket, key, file.size, file.lastModified])}`;
      const row = place.querySelector("template").content.cloneNode(true);
      this.row = row.querySelector("li");
      [this.name, this.state, this.again, this.cancel, this.bar] = ["[data-name]", "[data-state]", "[data-again]", "[data-cancel]", "progress"].map((each) => row.querySelector(each));
      this.name.textContent = key.slice(prefix.length);
      this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
      this.again.addEventListener("click", () => this.run());
      this.cancel.addEventListener("click", () => this.abandon());
      list.append(row);
    }

    get named() { return { bucket, key: this.key, size: this.file.size, upload: this.upload }; }

    async run() {
      active += 1;
      this.stop = new AbortController();
      this.again.hidden = true;
      this.cancel.hidden = false;
      this.tell("waiting");
      try {
        if (await this.send()) this.finish();
      } catch (error) {
        if (!this.gone) this.fail(error);
      } finally {
        active -= 1;
        if (!active) document.dispatchEvent(new CustomEvent("clary:refresh"));
      }
    }

    async send() {
      const given = { ...this.named, type: this.file.type, upload: localStorage.getItem(this.memory) };
      let told = await this.patiently(() => ask("begin", given));
      if (told.exists) {
        if (!confirm(`${this.key.slice(prefix.length)} is there already. Replace it?`)) { this.drop(); return false; }
        told = await this.patiently(() => ask("begin", { ...given, replace: true }));
      }
      if (told.put) {
        await inTurn(() => this.patiently(async () => {
          // Asked for anew by a try that follows: the address may be too old by then.
          const { put: address } = await ask("begin", { ...given, replace: true });
          this.start(0);
          await put(address, this.file, this.file.type, this.stop.signal, (bytes) => this.progress(1, bytes));
        }));
        return true;
      }
      this.upload = told.upload;
      localStorage.setItem(this.memory, told.upload);
      const count = Math.ceil(this.file.size / told.part);
      const done = new Set(told.done);
      let missing = Array.from({ length: count }, (_, i) => i + 1).filter((number) => !done.has(number));
      this.part = told.part;
      this.start(told.done.reduce((sum, number) => sum + this.piece(number).size, 0));
      do {
        await this.all(missing);
        this.tell("putting the parts together");
        ({ missing } = await this.patiently(() => ask("complete", this.named)));
      } while (missing?.length);
      return true;
    }

    // All of these parts; the first that fails ends the others, what arrived is kept.
    async all(numbers) {
      const left = [...numbers];
      const work = async () => {
        for (let number = left.shift(); number; number = left.shift()) await inTurn(() => this.one(number));
      };
      try { await Promise.all(Array.from({ length: AT_ONCE }, work)); } catch (error) { left.length = 0; throw error; }
    }

    one(number) {
      return this.patiently(async () => {
        if (this.stop.signal.aborted) throw new Refused("cancelled");
        const { put: address } = await ask("address", { ...this.named, number });
        await put(address, this.piece(number), "", this.stop.signal, (bytes) => this.progress(number, bytes));
      });
    }

    piece(number) { return this.file.slice((number - 1) * this.part, number * this.part); }

    patiently(work) { return patiently(work, this.stop.signal, (text) => this.tell(text)); }

    start(there) {
      this.there = there;
      this.sent = new Map();
      this.began = performance.now();
      this.progress(0, 0);
    }

    progress(number, bytes) {
      this.sent.set(number, bytes);
      const now = [...this.sent.values()].reduce((sum, each) => sum + each, 0);
      const total = Math.min(this.there + now, this.file.size), seconds = (performance.now() - this.began) / 1000;
      this.bar.value = this.file.size ? total / this.file.size : 1;
      const speed = seconds > 0.5 && now ? `, ${size(now / seconds)}/s` : "";
      this.tell(`${size(total)} of ${size(this.file.size)}${speed}`);
    }

    tell(text) { this.state.textContent = text; }

    finish() {
      localStorage.removeItem(this.memory);
      this.bar.value = 1;
      this.tell(`${size(this.file.size)}, done`);
      this.cancel.hidden = true;
      const link = document.createElement("a");
      link.href = pageOf(this.key);
      link.textContent = this.name.textContent;
      this.name.replaceChildren(link);
      said.textContent = `${this.file.name} is uploaded.`;
    }

    fail(error) {
      this.tell(`Stopped: ${error.message}.`);
      this.again.hidden = false;
      said.textContent = `The upload of ${this.file.name} stopped: ${error.message}.`;
    }

    async abandon() {
      this.gone = true;
      this.stop?.abort();
      localStorage.removeItem(this.memory);
      this.tell("cancelling");
      if (this.upload) await ask("abort", this.named).catch(() => {}); // it is told under "Uploads that were cut" if it stays
      this.drop();
      document.dispatchEvent(new CustomEvent("clary:refresh"));
    }

    drop() {
      this.row.remove();
      said.textContent = `The upload of ${this.file.name} is cancelled.`;
    }
  }

  const upload = (files) => { for (const [file, path] of files) new Upload(file, prefix + path).run(); };

  // A folder that was dropped, with all beneath it; its files' paths follow.
  async function within(entry, above = "") {
    if (entry.isFile) return [[await new Promise((done, fail) => entry.file(done, fail)), above + entry.name]];
    const reader = entry.createReader(), found = [];
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return found;
      for (const each of some) found.push(...await within(each, `${above}${entry.name}/`));
    }
  }

  const field = place.querySelector("input[type=file]");
  const chosen = () => {
    upload([...field.files].map((file) => [file, file.name]));
    field.value = "";
  };
  field.addEventListener("change", chosen);
  if (field.files.length) chosen(); // before this script was here
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) { event.preventDefault(); place.classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) place.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    place.classList.remove("over");
    const files = [...event.dataTransfer.files];
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()); // now: they are gone after the event
    if (entries.length && entries.every(Boolean)) upload((await Promise.all(entries.map((entry) => within(entry)))).flat());
    else upload(files.map((file) => [file, file.name]));
  });
  addEventListener("beforeunload", (event) => { if (active) event.preventDefault(); });

  // A folder is an empty object whose key ends with a slash.
  const folder = place.querySelector("[data-folder]");
  folder.addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = `${prefix}${event.target.elements.name.value}/`;
    try {
      const { put: address } = await ask("begin", { bucket, key, size: 0, replace: true });
      await put(address, new Blob([]), "", new AbortController().signal, () => {});
      location.assign(pageOf(key));
    } catch (error) {
      const banner = document.getElementById("banner");
      banner.textContent = error.message;
      banner.hidden = false;
    }
  });
  folder.querySelector("button").disabled = false;
})();
