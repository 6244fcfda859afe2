// Keeps the phones up to date: asks for the page again and puts in what is new. Without it the page still works.
"use strict";

const INTERVAL = 1500; // ms between two looks
const main = document.getElementById("phones");
const trouble = document.getElementById("trouble");

function replaceIfChanged(old, fresh) {
  if (old.outerHTML === fresh.outerHTML) return;
  // Whoever is on a button stays on its place.
  const place = [...old.querySelectorAll("button")].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (place >= 0) {
    const buttons = fresh.querySelectorAll("button");
    if (buttons.length) buttons[Math.min(place, buttons.length - 1)].focus();
  }
}

// Only new and changed texts are touched, so that a screen reader reads out no more than these.
function updateTexts(old, fresh) {
  const list = old.querySelector("ol");
  const log = old.querySelector(".texts");
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const known = new Map([...list.children].map((item) => [item.dataset.sid, item]));
  for (const item of [...fresh.querySelectorAll("ol > li")]) {
    const before = known.get(item.dataset.sid);
    if (before) replaceIfChanged(before, item);
    else list.append(item);
    known.delete(item.dataset.sid);
  }
  for (const gone of known.values()) gone.remove();
  if (wasAtEnd) log.scrollTop = log.scrollHeight;
}

function update(page) {
  const fresh = page.getElementById("phones");
  main.dataset.version = fresh.dataset.version;
  for (const section of [...fresh.querySelectorAll("section.phone")]) {
    const old = document.getElementById(section.id);
    if (!old) {
      main.append(section);
      continue;
    }
    updateTexts(old, section);
    for (const part of old.querySelectorAll("[data-part]")) {
      replaceIfChanged(part, section.querySelector(`[data-part="${part.dataset.part}"]`));
    }
  }
  if (fresh.querySelector("section.phone")) main.querySelector(":scope > p")?.remove();
}

async function look() {
  try {
    const answer = await fetch(`/?seen=${encodeURIComponent(main.dataset.version)}`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    document.getElementById("now").textContent = answer.headers.get("X-Service-Time");
    if (answer.status === 200) update(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (trouble.textContent) trouble.textContent = "";
  } catch {
    const words = "The phone network does not answer. Trying again.";
    if (trouble.textContent !== words) trouble.textContent = words;
  }
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const body = event.submitter?.value || new FormData(form).get("body");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ body }), redirect: "manual" });
    if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(`status ${answer.status}`);
    form.reset();
    await look();
  } catch {
    trouble.textContent = "The text was not taken. Please try again.";
  }
}

async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, INTERVAL);
}

for (const log of document.querySelectorAll(".texts")) log.scrollTop = log.scrollHeight;
main.addEventListener("submit", send);
document.addEventListener("visibilitychange", () => document.hidden || look());
setTimeout(keepLooking, INTERVAL);
