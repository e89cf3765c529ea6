// Keeps the parts of the page with data-live current, and counts down the time of masquerade sessions.
"use strict";

const EVERY = 1000; // milliseconds between two requests
const PATIENCE = 5000; // milliseconds until a request counts as not answered

let version = null; // of the parts that are shown
let ahead = 0; // milliseconds that the machine of the emulator is ahead of this browser
let answered = new Date(); // when the emulator answered last

function sync(shown, wanted) {
  // Changes elements instead of replacing them, which keeps the focus, the selection, the scroll position and what was
  // typed or unfolded.
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== wanted.data) shown.data = wanted.data;
    return;
  }
  // A refused value stays with its reason until it is sent again.
  if ("wrong" in shown.dataset) return;
  for (const { name } of [...shown.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value && name !== "open") shown.setAttribute(name, value);
  }
  const kept = new Set([...wanted.children].map((child) => child.id));
  for (const child of [...shown.children]) {
    if (child.id && !kept.has(child.id)) child.remove();
  }
  const named = new Map([...shown.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = shown.firstChild;
  for (const child of [...wanted.childNodes]) {
    let match = child.id ? named.get(child.id) : place;
    if (match && (match.nodeName !== child.nodeName || (match.id || "") !== (child.id || ""))) match = null;
    if (match) {
      if (match === place) place = place.nextSibling;
      else shown.insertBefore(match, place);
      sync(match, child);
    } else {
      const added = document.importNode(child, true);
      if (added.id) added.classList.add("added");
      shown.insertBefore(added, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(part.id);
    if (shown) sync(shown, part);
  }
  // The notice that a fault is set goes with the fault.
  const done = document.querySelector(".done[data-fault]");
  if (done && !document.querySelector(`button[value="${done.dataset.fault}"]`)) done.remove();
  document.title = fresh.title;
  // After a restart of the emulator its forms have another token.
  for (const field of document.querySelectorAll("input[name=form_token]")) field.value = fresh.body.dataset.formToken;
}

function tick() {
  const now = Date.now() + ahead;
  for (const timer of document.querySelectorAll("[data-ends]")) {
    timer.textContent = duration(Math.max(0, Number(timer.dataset.ends) - now / 1000));
  }
  for (const clock of document.querySelectorAll("[data-ahead]")) {
    const time = new Date(now + Number(clock.dataset.ahead) * 1000);
    clock.textContent = utc(time);
  }
}

function utc(time) {
  return time.toISOString().slice(0, 19).replace("T", " ");
}

function duration(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function setGone(gone) {
  const text = gone
    ? `The emulator does not answer. This is what it was at ${utc(answered).slice(11)} UTC. ` +
      `The page continues once it runs again at this address (--port ${location.port || 80}).`
    : "";
  const notice = document.getElementById("gone");
  if (notice.textContent !== text) notice.textContent = text;
}

async function poll() {
  const headers = version ? { "If-None-Match": version } : {};
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(document.body.dataset.liveUrl, { headers, signal, cache: "no-store" });
  if (response.status === 200) {
    show(await response.text());
    version = response.headers.get("ETag");
  } else if (response.status !== 304) throw new Error(`the emulator answered ${response.status}`);
  const sent = Date.parse(response.headers.get("Date"));
  if (sent) ahead = sent - Date.now();
  answered = new Date();
}

async function keepCurrent() {
  if (!document.hidden) {
    try {
      await poll();
      setGone(false);
    } catch {
      setGone(true);
    }
    tick();
    // What is focused or linked to must not be below the red line.
    document.documentElement.style.setProperty("--top", `${document.getElementById("top").offsetHeight}px`);
  }
  setTimeout(keepCurrent, EVERY);
}

// A reload must not repeat the notice about a form.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  address.searchParams.delete("fault");
  history.replaceState(null, "", address);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) tick();
});
setInterval(tick, 1000);
keepCurrent();

// After a form, the page is where it was: the heading above the form has the same distance from the top.
const PLACE = "place of a form";

document.addEventListener("submit", ({ target }) => {
  const heading = target.closest("section")?.querySelector("h2");
  if (heading && target.method === "post") {
    sessionStorage.setItem(PLACE, JSON.stringify([heading.id, heading.getBoundingClientRect().top]));
  }
});

function restorePlace([id, top]) {
  window.scrollBy({ top: document.getElementById(id).getBoundingClientRect().top - top, behavior: "instant" });
}

const place = JSON.parse(sessionStorage.getItem(PLACE));
sessionStorage.removeItem(PLACE);
if (place && !document.querySelector("header .problem")) {
  restorePlace(place);
  // The browser scrolls to the anchor of the address until the page is loaded.
  window.addEventListener("load", () => requestAnimationFrame(() => restorePlace(place)));
}
