// What is live on the map: incidents as diamond and triangles, cameras and sensors as grey rectangles, people only as
// counts of five or more, the selected incident's zone and trail. Lists reach all of it; here it is for the eyes.

import { clash } from "./mapbase.js";
import { state } from "./state.js";

const NAMED = 8; // more names than that say nothing
const LONGEST = 34; // letters of one name
const NEAR = 26; // px within which incidents are one badge, the worst

export function drawLive(c, size, model, screen, scale, labels) {
  const css = getComputedStyle(document.documentElement);
  const ink = (name) => css.getPropertyValue(`--${name}`).trim();
  const face = getComputedStyle(document.body).fontFamily;
  c.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  c.clearRect(0, 0, size.w, size.h);
  c.lineJoin = "round";
  c.textBaseline = "middle";
  c.textAlign = "center";
  const hits = [];
  const selected = model.marks.find((m) => m.id === state.selected);
  const taken = [];
  if (selected) taken.push(...drawZone(c, selected, screen, scale, ink, face));
  for (const cell of model.counts) drawCount(c, screen(cell.point), cell.people, ink, face);
  for (const sensor of model.sensors) {
    const [x, y] = screen(sensor.point);
    drawThing(c, [x, y], 9, 9, true, ink);
    hits.push({ x, y, r: 8, name: sensor.name });
  }
  for (const camera of model.cameras) {
    const [x, y] = screen(camera.point);
    drawThing(c, [x, y], 15, 11, camera.live, ink);
    hits.push({ x, y, r: 10, name: camera.name, camera: camera.id });
  }
  if (selected) drawTrail(c, selected, screen, ink);
  for (const group of grouped(model.marks, screen)) {
    drawMark(c, group, screen, scale, ink, face);
    const [x, y] = group.at;
    taken.push({ x0: x - 16, x1: x + 16, y0: y - 16, y1: y + 16 });
    hits.push({ x, y, r: 18, incident: group.marks.at(-1).id, name: group.marks.at(-1).label });
  }
  drawNames(c, hits, model, size, taken, labels, ink, face);
  return hits;
}

export const hitAt = (hits, x, y) => hits.findLast((h) => Math.hypot(h.x - x, h.y - y) <= h.r);

function grouped(marks, screen) {
  const groups = [];
  for (const mark of marks) {
    const at = screen(mark.point);
    const near = groups.find((g) => Math.hypot(g.at[0] - at[0], g.at[1] - at[1]) < NEAR);
    if (near) {
      near.marks.push(mark); // the worst comes last
      near.at = at;
    } else groups.push({ at, marks: [mark] });
  }
  const chosen = (g) => g.marks.some((m) => m.id === state.selected);
  for (const g of groups) if (chosen(g)) g.marks.sort((a, b) => (a.id === state.selected) - (b.id === state.selected));
  return groups.sort((a, b) => chosen(a) - chosen(b));
}

function shape(c, severity, x, y, r) {
  c.beginPath();
  if (severity === 1) {
    c.moveTo(x, y - r);
    c.lineTo(x + r, y);
    c.lineTo(x, y + r);
    c.lineTo(x - r, y);
  } else {
    const up = severity === 2 ? 1 : -1;
    c.moveTo(x, y - r * 0.95 * up);
    c.lineTo(x + r, y + r * 0.8 * up);
    c.lineTo(x - r, y + r * 0.8 * up);
  }
  c.closePath();
}

function drawMark(c, { at: [x, y], marks }, screen, scale, ink, face) {
  const mark = marks.at(-1);
  const severity = Math.min(...marks.map((m) => m.severity));
  const fresh = marks.some((m) => m.new);
  const chosen = marks.some((m) => m.id === state.selected);
  if (chosen && mark.accuracy_m) {
    c.beginPath();
    c.arc(x, y, Math.max(4, mark.accuracy_m * scale), 0, 7);
    c.fillStyle = ink("halo-soft");
    c.fill();
  }
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (fresh && (state.tick || still)) {
    c.beginPath();
    c.arc(x, y, 21, 0, 7);
    c.lineWidth = 2.5;
    c.strokeStyle = ink(`s${severity}-rim`);
    c.stroke();
  }
  const r = 15;
  const full = severity < 3 && fresh; // as in the queue: full while it is new, an outline once it was seen
  shape(c, severity, x, y, r + 2.5);
  c.fillStyle = ink("map-land");
  c.fill();
  shape(c, severity, x, y, r);
  c.fillStyle = full ? ink(`s${severity}`) : ink("panel");
  c.fill();
  c.lineWidth = 2;
  c.strokeStyle = ink(full ? `s${severity}-edge` : `s${severity}-rim`);
  c.stroke();
  if (chosen) {
    shape(c, severity, x, y, r + 5);
    c.lineWidth = 2.5;
    c.strokeStyle = ink("text");
    c.stroke();
  }
  c.fillStyle = ink(full ? `s${severity}-ink` : `s${severity}-rim`);
  c.font = `600 14px ${face}`;
  c.fillText(String(severity), x, y + (severity === 2 ? 3 : severity === 3 ? -2 : 0.5));
  if (marks.length > 1) {
    c.font = `600 14px ${face}`;
    c.textAlign = "left";
    halo(c, `×${marks.length}`, x + 17, y - 10, ink("text"), ink("map-land"));
    c.textAlign = "center";
  }
}

// What is wrong where: the selected and the unacknowledged are named, where there is room.
function drawNames(c, hits, model, size, taken, labels, ink, face) {
  const byId = new Map(model.marks.map((m) => [m.id, m]));
  const chosen = (m) => m.id === state.selected;
  const worth = (m) => chosen(m) || m.severity === 1 || m.new;
  const order = hits.filter((h) => h.incident).sort((a, b) => (b.incident === state.selected) - (a.incident === state.selected) || byId.get(a.incident).severity - byId.get(b.incident).severity);
  c.font = `600 14px ${face}`;
  let left = NAMED;
  for (const { x, y, incident } of order) {
    const mark = byId.get(incident);
    if (!worth(mark) || left === 0) continue;
    left -= 1;
    const text = mark.label.length > LONGEST ? `${mark.label.slice(0, LONGEST - 1)}…` : mark.label;
    const wide = c.measureText(text).width;
    const middle = Math.min(size.w - wide - 12, Math.max(12, x - wide / 2));
    const spots = [
      [x + 22, y],
      [x - 22 - wide, y],
      [middle, y + 30],
      [middle, y - 32],
    ];
    const boxOf = ([x0, y0]) => ({ x0: x0 - 6, x1: x0 + wide + 6, y0: y0 - 12, y1: y0 + 12 });
    const free = (box) => box.x0 >= 4 && box.x1 <= size.w - 4 && box.y0 >= 4 && box.y1 <= size.h - 32 && !clash(taken, box);
    const spot = spots.find((s) => free(boxOf(s)) && !clash(labels, boxOf(s))) ?? (mark.severity < 3 || chosen(mark) ? spots.find((s) => free(boxOf(s))) : null);
    if (spot) {
      const [x0, y0] = spot;
      const box = boxOf(spot);
      taken.push(box);
      c.fillStyle = ink("panel");
      c.globalAlpha = 0.92;
      c.beginPath();
      c.roundRect(box.x0, box.y0, box.x1 - box.x0, 24, 3);
      c.fill();
      c.globalAlpha = 1;
      c.textAlign = "left";
      c.fillStyle = ink("text");
      c.fillText(text, x0, y0 + 0.5);
      c.textAlign = "center";
    }
  }
}

function drawZone(c, mark, screen, scale, ink, face) {
  c.setLineDash({ forbidden: [], corridor: [2, 5] }[mark.zone_kind] ?? [8, 6]);
  c.lineWidth = mark.zone_kind === "forbidden" ? 3 : 2;
  c.strokeStyle = ink("text");
  let top = null;
  c.beginPath();
  if (mark.circle) {
    const [x, y] = screen(mark.circle.centre);
    const r = mark.circle.radius_m * scale;
    c.arc(x, y, r, 0, 7);
    top = [x, y - r];
  }
  for (const ring of mark.zone) {
    const points = ring.map(screen);
    points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
    c.closePath();
    for (const p of points) if (!top || p[1] < top[1]) top = p;
  }
  if (mark.zone_kind === "forbidden") {
    c.globalAlpha = 0.15;
    c.fillStyle = ink("text");
    c.fill("evenodd");
    c.globalAlpha = 1;
  }
  c.stroke();
  c.setLineDash([]);
  if (top && mark.zone_name) {
    c.font = `14px ${face}`;
    halo(c, mark.zone_name, top[0], top[1] + 14, ink("text"), ink("map-land"));
    const half = c.measureText(mark.zone_name).width / 2;
    return [{ x0: top[0] - half, x1: top[0] + half, y0: top[1] + 4, y1: top[1] + 24 }];
  }
  return [];
}

function drawTrail(c, mark, screen, ink) {
  if (mark.trail.length < 2) return;
  c.beginPath();
  mark.trail.map(screen).forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.lineCap = "round";
  c.lineWidth = 5;
  c.strokeStyle = ink("map-land");
  c.stroke();
  c.setLineDash([0.1, 7]);
  c.lineWidth = 3.5;
  c.strokeStyle = ink("text");
  c.stroke();
  c.setLineDash([]);
  c.lineCap = "butt";
}

function drawThing(c, [x, y], wide, high, live, ink) {
  c.fillStyle = ink("map-land");
  c.fillRect(x - wide / 2 - 1, y - high / 2 - 1, wide + 2, high + 2);
  c.lineWidth = 1.8;
  c.strokeStyle = ink(live ? "second" : "edge");
  c.setLineDash(live ? [] : [2.5, 2.5]);
  c.strokeRect(x - wide / 2, y - high / 2, wide, high);
  c.setLineDash([]);
}

function drawCount(c, [x, y], people, ink, face) {
  c.beginPath();
  c.arc(x, y, 13, 0, 7);
  c.fillStyle = ink("panel");
  c.globalAlpha = 0.85;
  c.fill();
  c.globalAlpha = 1;
  c.lineWidth = 1.5;
  c.strokeStyle = ink("second");
  c.stroke();
  c.font = `14px ${face}`;
  c.fillStyle = ink("second");
  c.fillText(String(people), x, y + 0.5);
}

function halo(c, text, x, y, colour, behind) {
  c.lineWidth = 4;
  c.strokeStyle = behind;
  c.strokeText(text, x, y);
  c.fillStyle = colour;
  c.fillText(text, x, y);
}
