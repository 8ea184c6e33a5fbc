// Four cameras. What is live is told from the progress of the frames, never from a clock: a picture that stands still
// is said to.

import { $, el, setText } from "./dom.js";
import { askForPictures } from "./socket.js";
import { emit, now, on, row, state } from "./state.js";
import { age, moment, w } from "./words.js";

const SHOWN = 4;
const STALLED_MS = 2000;
const HATCH_MS = 10000;
const GONE_MS = 60000;

const progress = new Map(); // camera -> {at, seen, stamps: [ms], bitmap}
let tiles = []; // {id, node, canvas, ...}
let page = 0;
let pinned = null; // the camera that was chosen on the map

export function startTiles() {
  on("tiles", choose);
  on("select", () => choose());
  on("picture", take);
  on("pin", (id) => {
    pinned = id;
    page = 0;
    choose();
  });
  on("second", paintStates);
}

export function nextTiles() {
  const cameras = state.models.tiles?.cameras.length ?? 0;
  page = (page + 1) % Math.max(1, Math.ceil(cameras / SHOWN));
  choose();
}

function metres(a, b) {
  const k = Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot((a.lon - b.lon) * k, a.lat - b.lat) * 111320;
}

function ordered() {
  const cameras = state.models.tiles?.cameras ?? [];
  const mark = state.models.map?.marks.find((m) => m.id === state.selected);
  const near = (c) => (mark ? metres(c.point, mark.point) : 0);
  const rank = (c) => (c.id === pinned ? -1 : mark && near(c) < 150 ? 0 : c.severity ? c.severity : 9);
  return [...cameras].sort((a, b) => rank(a) - rank(b) || (mark ? near(a) - near(b) : 0) || a.name.localeCompare(b.name));
}

function choose() {
  if (!state.models.tiles) return;
  const cameras = ordered().slice(page * SHOWN, page * SHOWN + SHOWN);
  const empty = $("tiles-empty");
  empty.hidden = cameras.length > 0;
  if (!cameras.length) setText(empty, w("tiles.empty"));
  if (cameras.map((c) => c.id).join() !== tiles.map((t) => t.id).join()) {
    for (const tile of tiles) tile.node.remove();
    tiles = cameras.map((c) => make(c.id));
    $("tiles").append(...tiles.map((t) => t.node));
    ask();
    for (const tile of tiles) draw(tile);
  }
  paintStates();
}

let extra = null; // the camera that the incident panel shows large

export function alsoShow(camera) {
  if (extra === camera) return;
  extra = camera;
  ask();
}

function ask() {
  askForPictures([...new Set([...tiles.map((t) => t.id), ...(extra ? [extra] : [])])]);
}

function make(id) {
  const canvas = el("canvas", { width: 640, height: 360 });
  const name = el("span", { class: "name" });
  const status = el("span", { class: "status" });
  const over = el("div", { class: "over" });
  const node = el(
    "button",
    { class: "tile", type: "button", "data-id": id, onclick: () => emit("camera", id) },
    el("div", { class: "picture" }, canvas, over),
    el("div", { class: "caption" }, name, status),
  );
  return { id, node, canvas, name, status, over };
}

async function take({ camera, at, jpeg }) {
  const seen = progress.get(camera) ?? { at: 0, moved: 0, stamps: [], bitmap: null };
  if (at <= seen.at) return;
  seen.at = at;
  seen.moved = performance.now();
  seen.stamps = [...seen.stamps.filter((t) => seen.moved - t < 3000), seen.moved];
  progress.set(camera, seen);
  if (document.hidden) return;
  const bitmap = await createImageBitmap(jpeg).catch(() => null);
  if (!bitmap || seen.at !== at) return;
  seen.bitmap?.close();
  seen.bitmap = bitmap;
  for (const tile of tiles) if (tile.id === camera) draw(tile);
  emit("frame", { camera, bitmap, at });
}

export const lastFrame = (camera) => progress.get(camera);

export function stale(camera) {
  const seen = progress.get(camera);
  return seen ? performance.now() - seen.moved : Infinity;
}

function draw(tile) {
  const seen = progress.get(tile.id);
  const context = tile.canvas.getContext("2d");
  if (!seen?.bitmap || performance.now() - seen.moved > GONE_MS) {
    context.clearRect(0, 0, tile.canvas.width, tile.canvas.height);
    return;
  }
  cover(context, seen.bitmap);
}

export function cover(context, bitmap) {
  const { width, height } = context.canvas;
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const w2 = bitmap.width * scale;
  const h2 = bitmap.height * scale;
  context.drawImage(bitmap, (width - w2) / 2, (height - h2) / 2, w2, h2);
}

function paintStates() {
  const model = state.models.tiles;
  if (!model) return;
  for (const tile of tiles) {
    const camera = model.cameras.find((c) => c.id === tile.id);
    if (!camera) continue;
    setText(tile.name, camera.name);
    const seen = progress.get(tile.id);
    const old = stale(tile.id);
    const reachable = camera.state === "live" || camera.state === "no model";
    let text;
    let over = "";
    if (!seen) {
      text = reachable ? w("tile.waiting") : w("tile.not-live");
      over = reachable ? text : camera.why || text;
    } else if (old > GONE_MS) {
      text = w("tile.none", { at: moment(seen.at, now()) });
      over = text;
      draw(tile);
    } else if (old > HATCH_MS) {
      text = w("tile.since", { at: moment(seen.at, now()) });
      over = w("tile.stalled", { age: age(old) });
    } else if (old > STALLED_MS) {
      text = w("tile.stalled", { age: age(old) });
      over = text;
    } else {
      const stamps = seen.stamps.filter((t) => performance.now() - t < 3000);
      text = camera.alarm || (camera.state === "no model" ? w("tile.no-model") : w("tile.live", { fps: Math.max(1, Math.round(stamps.length / 3)) }));
    }
    setText(tile.status, text);
    setText(tile.over, over);
    tile.node.classList.toggle("stalled", old > STALLED_MS);
    tile.node.classList.toggle("hatch", old > HATCH_MS);
    tile.node.dataset.severity = camera.severity || "";
    tile.node.setAttribute("aria-label", `${camera.name}: ${text}`);
    const chosen = row(state.selected);
    tile.node.classList.toggle("chosen", Boolean(chosen) && state.near === tile.id);
  }
}
