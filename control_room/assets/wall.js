// Starts the wall once Dash has put its frames on the page.

import { $, setText } from "./dom.js";
import { startIncident } from "./incident.js";
import { startKeys } from "./keys.js";
import { startMap } from "./map.js";
import { isNew, startQueue } from "./queue.js";
import { startSettings } from "./settings.js";
import { connect, watch } from "./socket.js";
import { startSound } from "./sound.js";
import { emit, on, row, state } from "./state.js";
import { startStrip } from "./strip.js";
import { startTiles } from "./tiles.js";
import { startWhy } from "./why.js";
import { takeWords, w } from "./words.js";

function start(root) {
  takeWords(root);
  startSettings();
  startStrip();
  startQueue();
  startMap();
  startIncident();
  startTiles();
  startWhy();
  startSound();
  startKeys();
  on("open", open);
  on("fresh", say);
  navigator.locks?.request("haechi-wall", { mode: "shared" }, () => new Promise(() => {}));
  setInterval(tick, 500);
  document.addEventListener("visibilitychange", () => {
    watch();
    emit("second");
  });
  connect();
}

function open(id) {
  const same = state.selected === id;
  state.selected = id;
  emit("select", { id, now: same });
}

// One clock for everything that flashes and counts: 1 Hz, half on, half off.
function tick() {
  watch();
  state.tick = !state.tick;
  $("wall").classList.toggle("tick", state.tick);
  if (document.hidden) return;
  emit("flash");
  if (state.tick) emit("second");
}

// For those who hear the page: life safety at once, merged for three seconds; the rest politely.
let pending = [];

function say(rows) {
  const urgent = rows.filter((r) => r.severity === 1);
  const rest = rows.filter((r) => r.severity > 1);
  if (rest.length) setText($("said"), rest.map(words).join(". "));
  if (!urgent.length) return;
  if (!pending.length) {
    setTimeout(() => {
      const still = pending.filter((id) => row(id) && isNew(row(id)));
      setText($("urgent-said"), still.map((id) => words(row(id))).join(". "));
      pending = [];
    }, 3000);
  }
  pending.push(...urgent.map((r) => r.id));
}

const words = (r) => `${w(`severity.${r.severity}`)}: ${r.title} ${r.who}, ${r.place}`;

const waiting = new MutationObserver(begin);

function begin() {
  const root = $("wall");
  if (!root || !$("help-open")) return;
  waiting.disconnect();
  start(root);
}

waiting.observe(document.body, { childList: true, subtree: true });
begin();
