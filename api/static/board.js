// Keeps the alert board fresh: swaps the list in place, keeps the keyboard's place, and says aloud what is new and urgent.
const EVERY = 10_000; // ms
const board = document.getElementById("board");
const news = document.getElementById("board-news");
const trouble = document.getElementById("board-trouble");
const troubleWords = document.getElementById("board-trouble-words");
let freshAt = new Date();

function codes(root, chosen) {
  return new Set([...root.querySelectorAll(`li${chosen}`)].map((line) => line.dataset.code));
}

function sayRhythm() {
  const words = document.getElementById("board-rhythm");
  if (words) words.textContent = "This list refreshes itself every 10 seconds.";
}

function swap(html) {
  const next = document.createElement("template");
  next.innerHTML = html;
  const urgent = '[data-severity="urgent"]:not([data-state="closed"])';
  const before = codes(board, urgent);
  const fresh = [...next.content.querySelectorAll(`li${urgent}`)].filter((line) => !before.has(line.dataset.code));
  const held = board.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  board.replaceChildren(next.content);
  sayRhythm();
  if (held) board.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  if (fresh.length > 0) {
    const words = fresh.map((line) => line.querySelector("a").textContent.trim());
    news.textContent = `${fresh.length === 1 ? "New urgent alert" : `${fresh.length} new urgent alerts`}: ${words.join("; ")}`;
  }
  const open = board.querySelectorAll('li:not([data-state="closed"])').length;
  document.title = `${open > 0 ? `(${open}) ` : ""}Alerts – Telecare`;
}

function showTrouble(words) {
  const clock = freshAt.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  troubleWords.textContent = `${words} It was last brought up to date at ${clock}, by the clock of this computer.`;
  trouble.hidden = false;
  document.title = "Not up to date – Alerts – Telecare";
}

async function refresh() {
  try {
    const answer = await fetch("/board", {
      headers: { "X-Telecare-Refresh": "1" },
      redirect: "error",
      signal: AbortSignal.timeout(EVERY),
    });
    if (answer.ok) {
      swap(await answer.text());
      freshAt = new Date();
      trouble.hidden = true;
    } else if (answer.status === 401) {
      showTrouble("You have been signed out. Reload this page and sign in again.");
      return; // only a person can mend this
    } else {
      showTrouble("Telecare cannot reach its records.");
    }
  } catch {
    showTrouble("There is no connection to Telecare.");
  }
  setTimeout(refresh, EVERY);
}

sayRhythm();
setTimeout(refresh, EVERY);
