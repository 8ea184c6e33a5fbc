// The base map in greys: land, water, parks, streets, buildings, and the names of streets and places.

const AREAS = ["bank", "park", "river", "school_yard"];
const NAMED_AREAS = new Set(["park", "school_yard", "river"]);
const PLACE_RANK = { school: 0, fire_station: 1, police: 1, clinic: 2, market: 2, library: 3, office: 3, shelter: 3, hall: 5, kiosk: 6, apartments: 9 };

export class Base {
  constructor(features, project) {
    this.paths = {}; // kind -> Path2D of areas, in metres
    this.lines = []; // {kind, width, path}
    this.streets = []; // {name, width, points}
    this.places = []; // {name, x, y, rank, kind, span}
    this.points = {}; // kind -> [[x, y]]
    this.box = null;
    for (const feature of features) this.add(feature, project);
    this.places.sort((a, b) => a.rank - b.rank || b.span - a.span);
    // A school's other buildings stand behind its largest one.
    const largest = [];
    for (const place of this.places.filter((p) => p.rank === 0)) {
      if (largest.some((l) => Math.hypot(l.x - place.x, l.y - place.y) < 150)) place.rank = 4;
      else largest.push(place);
    }
    this.places.sort((a, b) => a.rank - b.rank);
    this.streets.sort((a, b) => b.width - a.width);
  }

  add({ properties, geometry }, project) {
    const kind = properties.kind === "building" && properties.name && properties.use !== "apartments" ? "public" : properties.kind;
    const rings = ringsOf(geometry).map((ring) => ring.map(project));
    if (geometry.type === "Point") {
      (this.points[kind] ??= []).push({ at: project(geometry.coordinates), name: properties.name });
      if (properties.name && kind === "bus_stop") return;
      return;
    }
    if (geometry.type.endsWith("Polygon")) {
      const path = (this.paths[kind] ??= new Path2D());
      for (const ring of rings) trace(path, ring, true);
      const outer = rings.reduce((a, b) => (area(a) >= area(b) ? a : b));
      if (properties.name && kind !== "bank") {
        const [x, y] = middle(outer);
        const rank = kind === "park" || kind === "school_yard" || kind === "river" ? 0.5 : kind === "bridge" ? 2 : (PLACE_RANK[properties.use] ?? 4);
        this.places.push({ name: properties.name, x, y, rank, kind, ring: outer, span: spanOf(outer, 0), high: spanOf(outer, 1) });
      }
      if (kind === "building" || kind === "public" || kind === "shelter") this.grow(outer);
      return;
    }
    const path = new Path2D();
    for (const ring of rings) trace(path, ring, false);
    this.lines.push({ kind, width: properties.width_m ?? 2, path });
    if (kind === "street" && properties.name) this.streets.push({ name: properties.name, width: properties.width_m ?? 6, points: rings[0] });
    if (kind === "street") this.grow(rings[0]);
  }

  grow(points) {
    for (const [x, y] of points) {
      const b = (this.box ??= { x0: x, x1: x, y0: y, y1: y });
      b.x0 = Math.min(b.x0, x);
      b.x1 = Math.max(b.x1, x);
      b.y0 = Math.min(b.y0, y);
      b.y1 = Math.max(b.y1, y);
    }
  }

  draw(c, view, size) {
    const css = getComputedStyle(document.documentElement);
    const ink = (name) => css.getPropertyValue(`--map-${name}`).trim();
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = ink("land");
    c.fillRect(0, 0, c.canvas.width, c.canvas.height);
    const s = view.scale * size.ratio;
    c.setTransform(s, 0, 0, -s, (size.w / 2) * size.ratio - view.x * s, (size.h / 2) * size.ratio + view.y * s);
    c.lineJoin = c.lineCap = "round";
    for (const kind of AREAS) {
      if (!this.paths[kind]) continue;
      c.fillStyle = ink({ bank: "bank", park: "park", river: "water", school_yard: "yard" }[kind]);
      c.fill(this.paths[kind], "evenodd");
    }
    if (view.scale > 0.9) this.dots(c, "tree", ink("tree"), 1.8);
    for (const { path } of this.lines.filter((l) => l.kind === "path")) stroke(c, path, ink("path"), Math.max(1.6, 1.2 / view.scale));
    for (const { path, width } of this.lines.filter((l) => l.kind === "street")) stroke(c, path, ink("kerb"), Math.max(width + 1.6, 3.4 / view.scale));
    if (this.paths.bridge) {
      c.fillStyle = ink("road");
      c.fill(this.paths.bridge);
      stroke(c, this.paths.bridge, ink("kerb"), 0.8);
    }
    for (const { path, width } of this.lines.filter((l) => l.kind === "street")) stroke(c, path, ink("road"), Math.max(width, 2.4 / view.scale));
    if (view.scale > 1.1) {
      c.lineCap = "butt";
      for (const { path } of this.lines.filter((l) => l.kind === "crossing")) {
        c.setLineDash([0.7, 0.7]);
        stroke(c, path, ink("crossing"), 2.6);
      }
      c.setLineDash([]);
    }
    for (const kind of ["building", "public", "shelter"]) {
      if (!this.paths[kind]) continue;
      c.fillStyle = ink(kind === "building" ? "building" : "public");
      c.fill(this.paths[kind]);
      stroke(c, this.paths[kind], ink(kind === "building" ? "edge" : "public-edge"), (kind === "building" ? 0.8 : 1.2) / view.scale);
    }
    for (const { path } of this.lines.filter((l) => l.kind === "fence")) {
      c.setLineDash([3, 2]);
      stroke(c, path, ink("fence"), 1.4 / view.scale);
      c.setLineDash([]);
    }
  }

  dots(c, kind, colour, radius) {
    c.fillStyle = colour;
    c.beginPath();
    for (const { at } of this.points[kind] ?? []) {
      c.moveTo(at[0] + radius, at[1]);
      c.arc(at[0], at[1], radius, 0, 7);
    }
    c.fill();
  }

  // Names, on a canvas of their own: places first where they fit, then streets along their course; none over another,
  // none under a mark (`hard`), only schools and parks under a camera or a count (`soft`). Returns their boxes.
  label(c, view, size, hard, soft) {
    const css = getComputedStyle(document.documentElement);
    const ink = (name) => css.getPropertyValue(`--map-${name}`).trim();
    c.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    c.clearRect(0, 0, size.w, size.h);
    const taken = [...hard, ...soft];
    const named = [];
    const screen = ([x, y]) => [size.w / 2 + (x - view.x) * view.scale, size.h / 2 - (y - view.y) * view.scale];
    const face = getComputedStyle(document.body).fontFamily;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineJoin = "round";
    const area = (p) => NAMED_AREAS.has(p.kind);
    const put = (place) => {
      if (place.kind === "river") return this.riverName(c, place, screen, size, taken, named, ink, face);
      const [x0, y0] = screen([place.x, place.y]);
      c.font = `${place.rank <= 0.5 ? 15 : 14}px ${face}`;
      if (place.rank > 0.5 && place.rank < 9 && place.span * view.scale < (place.rank < 3 ? 16 : 34)) return;
      const over = place.high * view.scale * 0.5;
      for (const [most, inTheWay] of place.rank <= 0.5 ? [[170, taken], [96, taken], [170, [...hard, ...named]], [96, [...hard, ...named]]] : [[96, taken]]) {
        const lines = wrap(c, place.name, Math.max(most, place.span * view.scale));
        const wide = Math.max(...lines.map((l) => c.measureText(l).width));
        if (place.rank >= 9 && place.span * view.scale < wide * 0.8) return;
        const half = lines.length * 9 + 2;
        const room = ([x, y]) => ({ x0: x - wide / 2 - 4, x1: x + wide / 2 + 4, y0: y - half, y1: y + half });
        const free = (b) => !clash(inTheWay, b) && b.x0 >= 2 && b.x1 <= size.w - 2 && b.y0 >= 2 && b.y1 <= size.h - 32;
        const spots = area(place) ? inside(place, screen) : around(x0, y0, over + half, wide);
        const found = spots.find((spot) => free(room(spot)));
        if (!found) continue;
        taken.push(room(found));
        named.push(room(found));
        const behind = ink(place.kind === "park" ? "park" : place.kind === "school_yard" ? "yard" : "halo");
        lines.forEach((line, i) => write(c, line, found[0], found[1] + (i - (lines.length - 1) / 2) * 17, ink(area(place) ? "area-name" : "name"), behind));
        return;
      }
    };
    this.places.filter((p) => p.rank <= 0.5).forEach(put);
    const street = (wide) => (s) => s.width >= 8 === wide && this.streetName(c, s, screen, size, taken, named, ink, face);
    this.streets.forEach(street(true));
    this.places.filter((p) => p.rank > 0.5 && p.rank < 3).forEach(put);
    this.streets.forEach(street(false));
    this.places.filter((p) => p.rank >= 3).forEach(put);
    if (view.scale > 1) for (const stop of this.points.bus_stop ?? []) this.stop(c, stop, screen, taken, ink, face);
    return named;
  }

  stop(c, { at, name }, screen, taken, ink, face) {
    const [x, y] = screen(at);
    c.fillStyle = ink("name");
    c.fillRect(x - 3, y - 3, 6, 6);
    c.font = `14px ${face}`;
    const wide = c.measureText(name).width;
    const box = { x0: x - wide / 2 - 3, x1: x + wide / 2 + 3, y0: y + 5, y1: y + 23 };
    if (clash(taken, box)) return;
    taken.push(box);
    write(c, name, x, y + 14, ink("name"), ink("halo"));
  }

  streetName(c, street, screen, size, taken, named, ink, face) {
    c.font = `${street.width >= 12 ? 16 : 14}px ${face}`;
    const wide = c.measureText(street.name).width + 10;
    const points = street.points.map(screen);
    let last = -Infinity;
    let run = 0;
    for (const piece of straights(points, wide)) {
      run = piece.from;
      if (run - last < 520) continue;
      const { x, y, angle } = piece;
      if (x < 8 || y < 8 || x > size.w - 8 || y > size.h - 8) continue;
      const cos = Math.abs(Math.cos(angle));
      const sin = Math.abs(Math.sin(angle));
      const hw = (wide / 2) * cos + 9 * sin;
      const hh = (wide / 2) * sin + 9 * cos;
      const box = { x0: x - hw, x1: x + hw, y0: y - hh, y1: y + hh };
      if (box.x0 < 0 || box.y0 < 0 || box.x1 > size.w || box.y1 > size.h || clash(taken, box)) continue;
      taken.push(box);
      named.push(box);
      c.save();
      c.translate(x, y);
      c.rotate(Math.abs(angle) > Math.PI / 2 ? angle + Math.PI : angle);
      write(c, street.name, 0, 0, ink("street-name"), ink("road"));
      c.restore();
      last = run;
    }
  }

  riverName(c, place, screen, size, taken, named, ink, face) {
    const ring = place.ring.map(screen);
    const inside = ring.filter(([x, y]) => x > 60 && x < size.w - 60 && y > 20 && y < size.h - 40);
    if (inside.length < 4) return;
    for (const share of [0.3, 0.5, 0.7, 0.15, 0.85]) {
      const x = size.w * share;
      const ys = crossings(ring, x);
      for (let i = 0; i + 1 < ys.length; i += 2) {
        const y = (ys[i] + ys[i + 1]) / 2;
        const near = crossings(ring, x + 20);
        const tilt = near.length > i + 1 ? Math.atan2((near[i] + near[i + 1]) / 2 - y, 20) : 0;
        if (ys[i + 1] - ys[i] < 22 || y < 20 || y > size.h - 50) continue;
        c.font = `15px ${face}`;
        c.letterSpacing = "3px";
        const wide = c.measureText(place.name).width;
        const box = { x0: x - wide / 2, x1: x + wide / 2, y0: y - 14, y1: y + 14 };
        if (clash(taken, box)) continue;
        taken.push(box);
        named.push(box);
        c.save();
        c.translate(x, y);
        c.rotate(tilt);
        write(c, place.name, 0, 0, ink("water-name"), ink("water"));
        c.restore();
        c.letterSpacing = "0px";
        return;
      }
    }
  }
}

// On a building, else under, over, or to a side of it.
function around(x, y, down, wide) {
  const side = wide * 0.4;
  return [[x, y], [x, y + down], [x, y - down], [x, y + down + 14], [x, y - down - 14], [x - side, y - down], [x + side, y - down], [x - side, y + down], [x + side, y + down]];
}

// Spots inside an area, the nearest to its middle first.
function inside({ ring, x, y, span, high }, screen) {
  const steps = [0, 0.15, -0.15, 0.3, -0.3];
  const spots = steps.flatMap((u) => steps.map((v) => [x + u * span, y + v * high]));
  return spots
    .filter((spot) => crossings(ring, spot[0]).filter((edge) => edge < spot[1]).length % 2 === 1)
    .sort((a, b) => Math.hypot(a[0] - x, a[1] - y) - Math.hypot(b[0] - x, b[1] - y))
    .map(screen);
}

function ringsOf({ type, coordinates }) {
  if (type === "Polygon" || type === "MultiLineString") return coordinates;
  if (type === "MultiPolygon") return coordinates.flat();
  return type === "LineString" ? [coordinates] : [];
}

function trace(path, points, close) {
  points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (close) path.closePath();
}

function stroke(c, path, colour, width) {
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.stroke(path);
}

function write(c, text, x, y, colour, halo) {
  c.lineWidth = 4;
  c.strokeStyle = halo;
  c.strokeText(text, x, y);
  c.fillStyle = colour;
  c.fillText(text, x, y);
}

export function clash(taken, b) {
  return taken.some((a) => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1);
}

function wrap(c, text, most) {
  const lines = [];
  for (const part of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && c.measureText(`${last} ${part}`).width <= most) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines;
}

function area(ring) {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 1) {
    const [x0, y0] = ring[i];
    const [x1, y1] = ring[(i + 1) % ring.length];
    sum += x0 * y1 - x1 * y0;
  }
  return Math.abs(sum / 2);
}

function middle(ring) {
  let sum = 0;
  let cx = 0;
  let cy = 0;
  const [ox, oy] = ring[0];
  for (let i = 0; i < ring.length; i += 1) {
    const [x0, y0] = [ring[i][0] - ox, ring[i][1] - oy];
    const next = ring[(i + 1) % ring.length];
    const [x1, y1] = [next[0] - ox, next[1] - oy];
    const cross = x0 * y1 - x1 * y0;
    sum += cross;
    cx += (x0 + x1) * cross;
    cy += (y0 + y1) * cross;
  }
  return sum ? [ox + cx / (3 * sum), oy + cy / (3 * sum)] : ring[0];
}

function spanOf(ring, axis) {
  const xs = ring.map((p) => p[axis]);
  return Math.max(...xs) - Math.min(...xs);
}

function crossings(ring, x) {
  const ys = [];
  for (let i = 0; i < ring.length; i += 1) {
    const [x0, y0] = ring[i];
    const [x1, y1] = ring[(i + 1) % ring.length];
    if (x0 <= x !== x1 <= x) ys.push(y0 + ((x - x0) / (x1 - x0)) * (y1 - y0));
  }
  return ys.sort((a, b) => a - b);
}

// Places along a line where a word of this width fits without a bend of more than about 20 degrees.
function* straights(points, wide) {
  const at = [0];
  for (let i = 1; i < points.length; i += 1) at.push(at[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  const total = at.at(-1);
  const spot = (d) => {
    let i = 1;
    while (i < at.length - 1 && at[i] < d) i += 1;
    const t = (d - at[i - 1]) / (at[i] - at[i - 1] || 1);
    return [points[i - 1][0] + t * (points[i][0] - points[i - 1][0]), points[i - 1][1] + t * (points[i][1] - points[i - 1][1])];
  };
  for (let d = wide * 0.7; d + wide * 0.6 < total; d += 24) {
    const [a, m, b] = [spot(d - wide / 2), spot(d), spot(d + wide / 2)];
    const chord = Math.hypot(b[0] - a[0], b[1] - a[1]);
    const off = Math.abs((b[0] - a[0]) * (a[1] - m[1]) - (a[0] - m[0]) * (b[1] - a[1])) / (chord || 1);
    if (chord > wide * 0.97 && off < 4) yield { from: d, x: m[0], y: m[1], angle: Math.atan2(b[1] - a[1], b[0] - a[0]) };
  }
}
