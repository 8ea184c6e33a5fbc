// The district: a base drawn once per view, and over it what is live. Updates never touch the zoom.

import { $, el, setText } from "./dom.js";
import { Base } from "./mapbase.js";
import { drawLive, hitAt } from "./maplive.js";
import { emit, on, state } from "./state.js";
import { w } from "./words.js";

const METRES = 111320;
const NEAREST = 12; // px a metre
let base = null;
let origin = [0, 0];
let k = 1;
let view = { x: 0, y: 0, scale: 1 }; // metres in the middle, px a metre
let least = 0.05;
let size = { w: 0, h: 0, ratio: 1 };
let drag = null;
let queued = false;
let hits = [];
let labels = { key: "", boxes: [] };

export const project = (p) => [(p.lon - origin[0]) * METRES * k, (p.lat - origin[1]) * METRES];
const screen = ([x, y]) => [size.w / 2 + (x - view.x) * view.scale, size.h / 2 - (y - view.y) * view.scale];

export async function startMap() {
  const node = $("map");
  new ResizeObserver(resize).observe(node);
  node.addEventListener("wheel", wheel, { passive: false });
  node.addEventListener("pointerdown", press);
  node.addEventListener("pointermove", move);
  node.addEventListener("pointerup", lift);
  node.addEventListener("pointercancel", () => (drag = null));
  node.tabIndex = 0;
  node.addEventListener("keydown", keys);
  $("map-in").addEventListener("click", () => zoom(1.4));
  $("map-out").addEventListener("click", () => zoom(1 / 1.4));
  $("map-fit").addEventListener("click", fit);
  on("map", soon);
  on("flash", soon);
  on("theme", redraw);
  on("select", soon);
  on("show-on-map", (id) => centre(markOf(id), Math.max(view.scale, 1.6)));
  on("opened", (d) => reveal(markOf(d.id)));
  on("camera", (id) => reveal(state.models.map?.cameras.find((c) => c.id === id)));
  await load();
}

async function load() {
  let collection = null;
  while (!collection) {
    const answer = await fetch("/wall/map").catch(() => null);
    if (answer?.ok) collection = await answer.json();
    else await new Promise((resolve) => setTimeout(resolve, 3000));
  }
  origin = collection.origin;
  k = Math.cos((origin[1] * Math.PI) / 180);
  base = new Base(collection.features, ([lon, lat]) => project({ lon, lat }));
  const empty = $("map-empty");
  empty.hidden = collection.features.length > 0;
  if (!collection.features.length) setText(empty, w("map.none"));
  resize();
  fit();
}

function resize() {
  const node = $("map");
  size = { w: node.clientWidth, h: node.clientHeight, ratio: devicePixelRatio || 1 };
  for (const id of ["map-base", "map-names", "map-live"]) {
    const canvas = $(id);
    canvas.width = Math.round(size.w * size.ratio);
    canvas.height = Math.round(size.h * size.ratio);
    canvas.style.width = `${size.w}px`;
    canvas.style.height = `${size.h}px`;
  }
  redraw();
}

function fit() {
  const box = base?.box;
  if (!box || !size.w) return;
  // The district fills the panel: what is cut is edge, and can be dragged in.
  const scale = Math.max(size.w / (box.x1 - box.x0), size.h / (box.y1 - box.y0));
  least = scale * 0.5;
  view = { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2, scale };
  redraw();
}

function zoom(by, at = [size.w / 2, size.h / 2]) {
  const scale = Math.min(NEAREST, Math.max(least, view.scale * by));
  const x = view.x + (at[0] - size.w / 2) / view.scale;
  const y = view.y - (at[1] - size.h / 2) / view.scale;
  view = { x: x - (at[0] - size.w / 2) / scale, y: y + (at[1] - size.h / 2) / scale, scale };
  redraw();
}

function wheel(event) {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), [event.offsetX, event.offsetY]);
}

function press(event) {
  if (event.button !== 0 || event.target.closest("button")) return;
  drag = { x: event.clientX, y: event.clientY, moved: false };
}

function move(event) {
  if (!drag) {
    const box = $("map").getBoundingClientRect();
    $("map").title = hitAt(hits, event.clientX - box.left, event.clientY - box.top)?.name ?? "";
    return;
  }
  const dx = event.clientX - drag.x;
  const dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  if (!drag.moved) $("map").setPointerCapture(event.pointerId);
  drag = { x: event.clientX, y: event.clientY, moved: true };
  view = { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale };
  redraw();
}

function lift(event) {
  if (drag && !drag.moved) {
    const box = $("map").getBoundingClientRect();
    const hit = hitAt(hits, event.clientX - box.left, event.clientY - box.top);
    if (hit?.incident) emit("open", hit.incident);
    else if (hit?.camera) emit("pin", hit.camera);
  }
  drag = null;
}

function keys(event) {
  const step = 60 / view.scale;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  if (moves[event.key]) {
    event.preventDefault();
    view = { ...view, x: view.x + moves[event.key][0], y: view.y + moves[event.key][1] };
    redraw();
  } else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
}

const markOf = (id) => state.models.map?.marks.find((m) => m.id === id);

function centre(thing, scale = view.scale) {
  if (!thing) return;
  const [x, y] = project(thing.point);
  view = { x, y, scale: Math.min(NEAREST, scale) };
  redraw();
}

// An opened incident, or a chosen camera, out of sight is brought into it; the zoom stays.
function reveal(thing) {
  if (!thing) return;
  const [x, y] = screen(project(thing.point));
  if (x < 40 || y < 40 || x > size.w - 40 || y > size.h - 60) centre(thing);
}

function redraw() {
  if (!base || !size.w) return;
  base.draw($("map-base").getContext("2d"), view, size);
  scaleBar();
  soon();
}

function soon() {
  if (queued || document.hidden) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    if (!base || !state.models.map || !size.w) return;
    const context = $("map-live").getContext("2d");
    const place = (p) => screen(project(p));
    name(place);
    hits = drawLive(context, size, state.models.map, place, view.scale, labels.boxes);
  });
}

// Names make room for marks, but follow a moving one in steps only, so that they stand still most of the time.
function name(place) {
  const step = 24;
  const { marks, cameras, sensors, counts } = state.models.map;
  const box = ([x, y], r) => ({ x0: x - r, x1: x + r, y0: y - r, y1: y + r });
  const rounded = ([x, y]) => [Math.round(x / step) * step, Math.round(y / step) * step];
  const hard = marks.map((m) => box(rounded(place(m.point)), 26));
  const soft = [
    ...[...cameras, ...sensors].map((t) => box(place(t.point), 9)),
    ...counts.map((cell) => box(place(cell.point), 14)),
  ];
  const key = JSON.stringify([view, size, document.documentElement.dataset.theme, hard, soft]);
  if (key === labels.key) return;
  labels = { key, boxes: base.label($("map-names").getContext("2d"), view, size, hard, soft) };
}

function scaleBar() {
  const most = 150 / view.scale; // px that a narrow wall has beside the legend
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((n) => n * power).find((n) => n <= most);
  const bar = el("i", { style: `width:${Math.round(metres * view.scale)}px` });
  $("map-scale").replaceChildren(bar, metres >= 1000 ? `${metres / 1000} km` : `${metres} m`);
}
