// One key each. `code` is read, because in Hangul mode `key` is "Process" or ㅁ; on keyup, because Linux input methods
// swallow keydown.

import * as actions from "./actions.js";
import { $ } from "./dom.js";
import { closeForm, nextCamera, openClose, openNote } from "./incident.js";
import { neighbour, oldestNew } from "./queue.js";
import { emit, may, row, state } from "./state.js";
import { setting } from "./settings.js";
import { quiet } from "./sound.js";
import { nextTiles } from "./tiles.js";
import { explain } from "./why.js";
import { w } from "./words.js";

const go = (id, now = false) => id && emit("open", id, now);
const chosen = () => row(state.selected);

const keys = {
  KeyN: () => go(oldestNew()),
  KeyJ: () => go(neighbour(1)),
  ArrowDown: () => go(neighbour(1)),
  KeyK: () => go(neighbour(-1)),
  ArrowUp: () => go(neighbour(-1)),
  Enter: () => go(state.selected),
  KeyA: () => chosen() && may("handle incidents") && actions.acknowledge(chosen().id),
  KeyM: () => chosen() && may("handle incidents") && actions.own(chosen().id, state.hello.name),
  KeyC: openNote,
  KeyX: openClose,
  KeyF: () => emit("show-on-map", state.selected),
  KeyS: nextCamera,
  KeyW: () => state.selected && explain(state.selected),
  KeyT: nextTiles,
  KeyQ: () => {
    quiet();
    actions.toast(w("sound.quiet"));
  },
};

const arrows = new Set(["ArrowDown", "ArrowUp"]);
const dialogOpen = () => $("help").open || $("why").open;
let closed = false; // the Escape that is down has closed a dialog
let down = new Set(); // keys pressed with a modifier or in a field do nothing when they come up

export function startKeys() {
  addEventListener("keydown", (event) => {
    // The browser closes a dialog when Escape goes down; when it comes up, that press has done its work.
    if (event.code === "Escape") closed = dialogOpen();
    if (event.ctrlKey || event.altKey || event.metaKey || inField(event.target)) down.add(event.code);
    else {
      down.delete(event.code);
      if (arrows.has(event.code) && !event.target.closest?.("#map, .timeline, dialog")) event.preventDefault();
    }
  });
  addEventListener("keyup", (event) => {
    const ignored = down.delete(event.code) || event.ctrlKey || event.altKey || event.metaKey;
    if (event.code === "Escape") return closed ? (closed = false) : back();
    if (ignored || inField(event.target) || dialogOpen() || !setting("keys")) return;
    if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return $("help").showModal();
    if (arrows.has(event.code) && event.target.closest?.("#map, .timeline")) return;
    if (event.code === "Enter" && event.target.closest?.("button")) return; // the button's own
    keys[event.code]?.();
  });
}

const inField = (node) => node instanceof HTMLElement && (node.matches("input, textarea, select") || node.isContentEditable);

function back() {
  if (closeForm()) return;
  if (inField(document.activeElement)) return document.activeElement.blur();
  emit("open", null);
}
