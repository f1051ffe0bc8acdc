// What every page of the console does: looks again when something changed, asks before it deletes, copies, tells times, signs in.
// It is there before the page's first button is: a click that came earlier would delete unasked.
"use strict";
(() => {
  const banner = (text) => {
    const place = document.getElementById("banner");
    if (place) { place.textContent = text; place.hidden = !text; }
  };

  // Regions that live: fetched anew with their page, and made alike without losing focus, scroll or an open menu.
  const stateOf = (page) => page.querySelector('meta[name="clary-changes"]')?.content;
  let asked = null, again = false, state = stateOf(document); // it stands above this script
  async function refresh() {
    if (asked) { again = true; return; }
    const regions = [...document.querySelectorAll("[data-live], [data-every]")];
    if (!regions.length) return;
    try {
      asked = fetch(location.href, { headers: { Accept: "text/html", "X-Clary-Refresh": "1" } });
      const answer = await asked;
      if (answer.status === 401) { banner("Your session is over. `clary console` prints a link to sign in."); return; }
      if (answer.status === 404) { banner("What this page shows is no longer there."); return; }
      if (!answer.ok) { banner("Clary could not answer; it is asked again."); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      banner("");
      state = stateOf(fresh);
      for (const region of regions) {
        const made = fresh.getElementById(region.id);
        if (made && made.outerHTML !== region.outerHTML) {
          await htmx.swap({ text: made.outerHTML, target: region, sourceElement: region, swap: "outerMorph" });
        }
      }
      tellTimes();
      count();
      document.dispatchEvent(new CustomEvent("clary:refreshed"));
    } catch {
      banner("Clary does not answer; it is asked again.");
    } finally {
      asked = null;
      if (again) { again = false; setTimeout(refresh, 300); }
    }
  }

  document.addEventListener("clary:refresh", refresh); // a script of a page has changed what it shows

  // A browser opens few connections to one server, so a page that nobody sees holds none.
  let source = null;
  function listen() {
    const wanted = document.querySelector("[data-live], [data-every]") && !document.hidden;
    if (!wanted && source) { source.close(); source = null; }
    if (!wanted || source) return;
    source = new EventSource(location.pathname.startsWith("/_/portal") ? "/_/portal/events" : "/_/events");
    // What changed after the page was made and before this stream was open.
    source.addEventListener("state", (event) => { if (event.data !== state || !document.getElementById("banner").hidden) refresh(); });
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) { source = null; refresh(); setTimeout(listen, 5000); }
      else banner("Clary does not answer; it is asked again.");
    });
    source.addEventListener("changed", (event) => {
      const kinds = event.data.split(" ");
      const meant = (region) => region.dataset.live.split(" ").some((kind) => kinds.includes(kind));
      if ([...document.querySelectorAll("[data-live]")].some(meant)) refresh();
    });
  }
  // How long what runs has run: the server's number, and the seconds since it was told. Written as templates.duration does.
  const told = new WeakMap();
  const duration = (s) => s < 10 ? `${s.toFixed(1)} s` : s < 60 ? `${Math.round(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`
    : s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min` : `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
  function count() {
    for (const each of document.querySelectorAll("[data-running]")) {
      let known = told.get(each);
      if (known?.seconds !== each.dataset.running) told.set(each, known = { seconds: each.dataset.running, at: performance.now() });
      each.textContent = duration(Number(known.seconds) + (performance.now() - known.at) / 1000);
    }
  }
  let ticks = 0;
  setInterval(() => {
    ticks += 1;
    if (document.hidden) return;
    count();
    const due = [...document.querySelectorAll("[data-every]")].some((r) => ticks % Number(r.dataset.every) === 0);
    if (due) refresh();
    if (ticks % 10 === 0) tellTimes();
  }, 1000);
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => { if (source) { source.close(); source = null; } });
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });

  // "3 min ago", the exact time on hover.
  function tellTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const then = new Date(time.dateTime), seconds = Math.round((Date.now() - then) / 1000), ahead = seconds < 0;
      const s = Math.abs(seconds);
      const words = s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 86400 ? `${Math.floor(s / 3600)} h` : s < 86400 * 30 ? `${Math.floor(s / 86400)} d` : "";
      time.title = then.toLocaleString();
      time.textContent = !words ? then.toLocaleDateString() : ahead ? `in ${words}` : `${words} ago`;
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const text = button.dataset.copy ?? button.closest(".panel").querySelector(button.dataset.copyFrom).textContent;
    const before = button.textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select and copy"; }
    setTimeout(() => { button.textContent = before; }, 1500);
  });
  // Menus of filters act at once; a text field by Enter, as its button says.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-filters] select")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const sure = event.target.dataset.confirm;
    if (sure && !confirm(sure)) event.preventDefault();
  });
  document.addEventListener("htmx:response:error", async (event) => {
    const page = new DOMParser().parseFromString(event.detail.ctx.text ?? "", "text/html");
    banner(page.getElementById("message")?.textContent ?? "That did not work.");
  });
  // A log that is followed stays at its end, unless whoever reads has gone up.
  const follow = () => { for (const log of document.querySelectorAll("[data-follow]")) if (!log.dataset.up) log.scrollTop = log.scrollHeight; };
  document.addEventListener("scroll", (event) => {
    const log = event.target;
    if (log.dataset?.follow !== undefined) log.dataset.up = log.scrollHeight - log.scrollTop - log.clientHeight > 40 ? "1" : "";
  }, true);
  document.addEventListener("clary:refreshed", follow);
  document.addEventListener("DOMContentLoaded", () => {
    follow();
    document.querySelector("form[data-submit-at-once]")?.requestSubmit();
    tellTimes();
    listen();
    // On a phone the navigation is a row that scrolls: it shows where one is.
    const nav = document.querySelector("nav"), here = nav?.querySelector("[aria-current]");
    if (here) nav.scrollLeft = here.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
  });
})();
