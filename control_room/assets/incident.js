// The opened incident. What it shows was asked for (and audited) when it was opened; it is asked for again when the
// queue tells of a newer version.

import * as actions from "./actions.js";
import { $, badge, el, setText } from "./dom.js";
import { isNew } from "./queue.js";
import { emit, may, now, on, row, state } from "./state.js";
import { alsoShow, cover, lastFrame, stale } from "./tiles.js";
import { explain } from "./why.js";
import { age, clock, moment, w } from "./words.js";

let opened = null; // the details on the screen
let asking = null;
let wait = null;
let canvas = null;
let caption = null;
let form = null;
let looking = 0; // which of its cameras is shown large
let seenLine = null; // how old the place is, which grows
let lateLine = null; // how old a call is that came late
let asked = ""; // the row's stamp when the details were last asked for
const TOGETHER_MS = 150; // changes that come together are asked for once

export function startIncident() {
  on("select", select);
  on("queue-changed", refresh);
  on("live", () => state.live && state.selected && ask(state.selected));
  on("frame", ({ camera, bitmap, at }) => liveFrame(camera, bitmap, at));
  on("second", () => {
    paintCaption();
    paintSeen();
    paintLate();
  });
}

function select({ id, now: atOnce }) {
  clearTimeout(wait);
  closeForm();
  if (!id) return show(null);
  wait = setTimeout(() => ask(id), atOnce ? 0 : 200);
}

function refresh() {
  const r = row(state.selected);
  if (!opened || opened.id !== state.selected) return;
  const stamp = r ? `${r.version} ${r.touched}` : "gone";
  if (stamp === asked || (!r && !opened.open)) return;
  asked = stamp;
  clearTimeout(wait);
  wait = setTimeout(() => state.selected === opened?.id && ask(opened.id), TOGETHER_MS);
}

async function ask(id) {
  asking = id;
  const r = row(id);
  asked = r ? `${r.version} ${r.touched}` : "gone";
  if (opened?.id !== id) {
    $("incident-empty").hidden = false;
    setText($("incident-empty"), w("incident.loading"));
    $("incident-body").hidden = true;
  }
  let answer;
  try {
    answer = await fetch(`/wall/incidents/${encodeURIComponent(id)}`, { headers: { accept: "application/json" } });
  } catch {
    return failed(id, w("act.offline"));
  }
  if (asking !== id || state.selected !== id) return;
  if (answer.ok) show(await answer.json());
  else failed(id, (await answer.json().catch(() => ({}))).detail ?? String(answer.status));
}

function failed(id, why) {
  if (state.selected !== id || opened?.id === id) return;
  setText($("incident-empty"), w("incident.failed", { why }));
}

function show(details) {
  const before = opened?.id;
  opened = details;
  const empty = $("incident-empty");
  const body = $("incident-body");
  empty.hidden = Boolean(details);
  body.hidden = !details;
  if (!details) {
    state.near = null;
    alsoShow(null);
    empty.replaceChildren(el("b", {}, w("incident.none")), el("span", {}, w("incident.none-more")));
    body.replaceChildren();
    return;
  }
  if (before !== details.id) looking = 0;
  looking = Math.min(looking, Math.max(0, details.cameras.length - 1));
  state.near = details.cameras[looking]?.id ?? null;
  const keep = before === details.id ? body.querySelector(".timeline")?.scrollTop : null;
  if (before === details.id && form?.contains(document.activeElement)) return paintButtons(body.querySelector(".actions"));
  const facts = el("dl", { class: "facts" }, ...who(details), ...where(details), ...owner(details), ...late(details), ...fix(details), ...cameras(details), ...told(details));
  const buttons = el("div", { class: "actions" });
  body.replaceChildren(
    picture(details, before === details.id),
    el("h2", {}, badge(details.severity, isNew(details)), ...drill(details), el("span", {}, title(details))),
    facts,
    timeline(details),
    buttons,
  );
  if (keep) body.querySelector(".timeline").scrollTop = keep;
  paintButtons(buttons);
  paintSeen();
  paintLate();
  emit("opened", details);
}

const title = (d) => [d.title, d.who, d.presses > 1 ? w("incident.presses", { n: d.presses }) : ""].filter(Boolean).join(" · ");

const drill = (d) => (d.status === "Actual" ? [] : [el("em", {}, w(`status.${d.status}`))]);

const fact = (label, ...value) => [el("div", {}, el("dt", {}, label), el("dd", {}, ...value))];

const wide = (label, ...value) => [el("div", { class: "wide" }, el("dt", {}, label), el("dd", {}, ...value))];

const who = (d) => fact(w(d.about === "person" ? "incident.who" : "incident.what"), d.name ? `${d.name}${d.who ? ` · ${d.who}` : ""}` : d.who || "–");

const where = (d) => fact(w("incident.where"), d.where + (d.accuracy_m ? ` · ±${Math.round(d.accuracy_m)} m` : ""));

// A call that came late is not as young as its incident.
function late(d) {
  lateLine = d.late ? el("span", { class: "late-age" }) : null;
  return lateLine ? wide(w("incident.late"), lateLine) : [];
}

function paintLate() {
  if (!opened || !lateLine) return;
  const at = Date.parse(opened.happened_at);
  const open = age(now() - Date.parse(opened.opened_at));
  setText(lateLine, w("incident.late-age", { at: moment(at, now()), age: age(now() - at), open }));
}

function fix(d) {
  seenLine = d.about === "person" && (d.seen_at || d.battery !== null) ? el("span", { class: "fix-age" }) : null;
  return seenLine ? wide(w("incident.fix"), seenLine) : [];
}

const OLD_MS = 120000; // a walker is round two corners by then

function paintSeen() {
  if (!opened || !seenLine) return;
  const at = opened.seen_at ? Date.parse(opened.seen_at) : null;
  const old = at !== null && now() - at > OLD_MS;
  const seen = at === null ? "" : w(old ? "incident.seen-old" : "incident.seen", { at: moment(at, now()), age: age(now() - at) });
  const battery = opened.battery === null ? "" : w("incident.battery", { n: Math.round(opened.battery) });
  setText(seenLine, [seen, battery].filter(Boolean).join(" · "));
  seenLine.classList.toggle("old", old);
}

// The cameras that see the spot: a press shows one large here, and first among the tiles.
function cameras(d) {
  if (!d.cameras.length) return [];
  const items = d.cameras.map((c, i) =>
    el("button", { type: "button", class: "camera", "aria-pressed": String(i === looking), onclick: () => lookFrom(i) }, `▭ ${w(`camera.${c.sees}`, c)}`),
  );
  return wide(w("incident.cameras"), ...items);
}

function lookFrom(i) {
  looking = i;
  emit("pin", opened.cameras[i].id);
  show(opened);
}

export function nextCamera() {
  if (opened?.cameras.length) lookFrom((looking + 1) % opened.cameras.length);
}

const SIGNS = { delivered: "✓", failed: "✕", pending: "…", sending: "…", cancelled: "–" };

function told(d) {
  if (!d.told.length) return wide(w("incident.told"), w("incident.told-none"));
  const items = d.told.map((t) => {
    const at = t.at ? clock(Date.parse(t.at)) : "";
    const line = `${t.name} ${w(`delivery.${t.state}`, { at })}`;
    return el("li", { class: t.state, title: t.error }, el("i", { "aria-hidden": "true" }, SIGNS[t.state] ?? ""), ` ${line}`);
  });
  return wide(w("incident.told"), el("ul", {}, ...items));
}

const owner = (d) =>
  fact(w("incident.owner"), d.owner ? (d.owner === state.hello?.name ? w("owner.mine") : d.owner) : w("owner.none"));

function timeline(d) {
  const lines = d.timeline.map((line, i) =>
    el(
      "li",
      {},
      el("time", {}, i === 0 ? moment(Date.parse(line.at), now()) : after(line.after_s)),
      el("span", {}, line.by ? `${line.words} · ${line.by}` : line.words),
    ),
  );
  return el("ol", { class: "timeline", tabindex: "0" }, ...lines);
}

function after(s) {
  if (Math.abs(s) < 10) return `+ ${s.toFixed(2)} s`;
  if (Math.abs(s) < 120) return `+ ${s.toFixed(1)} s`;
  return `+ ${age(s * 1000)}`;
}

// The picture: the evidence with its box and zone, else the nearest camera as it is now, else words.

function picture(d, again) {
  const old = again ? $("incident-body").querySelector(".evidence") : null;
  if (old && old.dataset.key === key(d)) return old;
  canvas = el("canvas", { width: 1280, height: 720 });
  caption = el("div", { class: "caption" });
  const node = el("div", { class: "evidence", "data-key": key(d) }, canvas, caption);
  if (d.picture) {
    alsoShow(null);
    const image = new Image();
    image.onload = () => paintEvidence(image, d);
    image.onerror = () => node.append(el("div", { class: "empty" }, w("incident.picture-lost")));
    image.src = `/evidence/${d.picture.sha256}?incident=${encodeURIComponent(d.id)}`;
    image.alt = "";
  } else if (d.cameras.length) {
    alsoShow(d.cameras[looking].id);
    const seen = lastFrame(d.cameras[looking].id);
    if (seen?.bitmap) cover(canvas.getContext("2d"), seen.bitmap);
  } else {
    alsoShow(null);
    node.append(el("div", { class: "empty" }, w("incident.no-picture")));
  }
  setTimeout(paintCaption);
  return node;
}

const key = (d) => `${d.id} ${d.picture?.sha256 ?? ""} ${d.cameras[looking]?.id ?? ""}`;

function liveFrame(camera, bitmap) {
  if (opened && !opened.picture && opened.cameras[looking]?.id === camera && canvas) cover(canvas.getContext("2d"), bitmap);
}

function paintEvidence(image, d) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  const box = {
    w: image.naturalWidth * scale,
    h: image.naturalHeight * scale,
  };
  box.x = (width - box.w) / 2;
  box.y = (height - box.h) / 2;
  context.drawImage(image, box.x, box.y, box.w, box.h);
  const style = getComputedStyle(document.documentElement);
  if (d.picture.zone.length) {
    context.beginPath();
    for (const [x, y] of d.picture.zone) context.lineTo(box.x + x * box.w, box.y + y * box.h);
    context.closePath();
    context.lineWidth = 3;
    context.strokeStyle = "rgba(255,255,255,.85)";
    context.stroke();
  }
  const colour = style.getPropertyValue(`--s${d.severity}`);
  for (const b of d.picture.boxes) {
    const at = [box.x + b.x * box.w, box.y + b.y * box.h, b.w * box.w, b.h * box.h];
    context.lineWidth = 9;
    context.strokeStyle = "rgba(20,23,26,.8)";
    context.strokeRect(...at);
    context.lineWidth = 5;
    context.strokeStyle = colour;
    context.strokeRect(...at);
  }
}

function paintCaption() {
  if (!opened || !caption) return;
  const d = opened;
  const parts = [];
  let old = false;
  if (d.picture) {
    const at = Date.parse(d.picture.at);
    parts.push(d.picture.camera, clock(at), d.picture.masked ? w("incident.masked") : "", `${age(now() - at)} old`);
  } else if (d.cameras.length) {
    const shown = d.cameras[looking];
    parts.push(w(`camera.${shown.sees}`, shown));
    const seen = lastFrame(shown.id);
    old = stale(shown.id) > 2000;
    if (!seen) parts.push(w("tile.waiting"));
    else parts.push(old ? w("tile.since", { at: clock(seen.at) }) : `live ${clock(seen.at)}`);
  }
  setText(caption, parts.filter(Boolean).join(" · "));
  caption.hidden = parts.length === 0;
  caption.parentElement.classList.toggle("hatch", old);
}

// Buttons and the two small forms.

function button(code, text, act, primary = false) {
  return el("button", { type: "button", class: primary ? "primary" : null, onclick: act }, `${text} `, el("kbd", {}, code));
}

function paintButtons(node) {
  if (!node || !opened) return;
  const d = opened;
  const list = [];
  if (d.open && may("handle incidents")) {
    const fresh = isNew(d);
    if (fresh) list.push(button("A", w("act.acknowledge"), () => actions.acknowledge(d.id), true));
    if (d.owner !== state.hello?.name) list.push(button("M", w("act.mine"), () => actions.own(d.id, state.hello.name)));
    list.push(button("C", w("act.note"), openNote));
    if (!fresh) list.push(button("X", w("act.close"), openClose, Boolean(row(d.id)?.over)));
  }
  list.push(button("W", w("act.why"), () => explain(d.id)));
  list.push(button("F", w("act.map"), () => emit("show-on-map", d.id)));
  node.replaceChildren(...list);
}

export function openNote() {
  openForm(w("act.note-hint"), w("act.save"), [], (words) => actions.note(opened.id, words));
}

export function openClose() {
  if (!opened) return;
  if (isNew(row(opened.id) ?? opened)) return actions.toast(w("act.acknowledge-first"));
  const ready = ["outcome.1", "outcome.2", "outcome.3"].map((k) => w(k));
  let { presses } = opened; // whoever presses again while the words are written is not closed unseen
  openForm(w("act.close-hint"), w("act.close-go"), ready, async (words) => {
    const done = await actions.close(opened.id, words, presses);
    presses = opened.presses; // told of it, a person may close all the same
    return done;
  });
}

function openForm(hint, go, ready, send) {
  if (!opened?.open || !may("handle incidents")) return;
  closeForm();
  const text = el("textarea", { rows: "2", maxlength: "2000", "aria-label": hint, placeholder: hint });
  const submit = async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    if (await send(text.value.trim())) closeForm();
  };
  form = el(
    "form",
    { class: "sheet", onsubmit: submit },
    text,
    ready.length ? el("div", { class: "ready" }, ...ready.map((r) => el("button", { type: "button", onclick: () => ((text.value = r), text.focus()) }, r))) : null,
    el("div", { class: "actions" }, el("button", { type: "submit", class: "primary" }, go), el("button", { type: "button", onclick: closeForm }, w("act.cancel"), " ", el("kbd", {}, "Esc"))),
  );
  text.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event));
  $("incident-body").append(form);
  text.focus();
}

export function closeForm() {
  if (!form) return false;
  form.remove();
  form = null;
  return true;
}

export const openedId = () => opened?.id ?? null;
