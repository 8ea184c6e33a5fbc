// The queue. A row keeps its node while it lives; newcomers wait while a hand is on the list, life safety does not.

import { $, badge, el, setText } from "./dom.js";
import { emit, now, on, row, state } from "./state.js";
import { age, w } from "./words.js";

const nodes = new Map(); // id -> {node, parts}
let shown = []; // ids in the order on the screen
let hand = false; // pointer or focus on a row
let first = true;
const known = new Set(); // heard of: what is not yet in it is a newcomer

export function startQueue() {
  const list = $("queue-rows");
  list.addEventListener("pointerenter", () => (hand = true));
  list.addEventListener("pointerleave", () => release());
  list.addEventListener("focusin", () => (hand = onIt()));
  list.addEventListener("focusout", () => setTimeout(release));
  $("queue-waiting").addEventListener("click", () => paint(true));
  on("queue", take);
  on("select", paintSelection);
  on("second", paintAges);
}

// The pointer, or a focus that was moved there by keys (a click's focus stays behind when the hand has long gone).
const onIt = () => $("queue-rows").matches(":hover") || $("queue-rows").querySelector(":focus-visible") !== null;

function release() {
  hand = onIt();
  if (!hand) paint(true);
}

function take(model) {
  const fresh = model.rows.filter((r) => !known.has(r.id) && isNew(r));
  for (const r of model.rows) known.add(r.id);
  if (known.size > 2000) for (const id of known) if (!model.rows.some((r) => r.id === id)) known.delete(id);
  paint(false);
  if (!first && fresh.length) emit("fresh", fresh);
  if (first) emit("queue-ready", model);
  first = false;
  emit("queue-changed", model);
}

export const isNew = (r) => r.state === "unacknowledged" || r.state === "returned-unacknowledged";

function paint(letIn) {
  const model = state.models.queue;
  if (!model) return;
  const busy = hand && !letIn;
  const wanted = model.rows.map((r) => r.id);
  let order = wanted;
  let waiting = 0;
  if (busy) {
    const there = new Set(wanted);
    const on = new Set(shown);
    const urgent = model.rows.filter((r) => !on.has(r.id) && r.severity === 1).map((r) => r.id);
    waiting = model.rows.filter((r) => !on.has(r.id) && r.severity !== 1).length;
    order = [...urgent, ...shown.filter((id) => there.has(id))];
  }
  shown = order;
  const list = $("queue-rows");
  for (const [id, { node }] of nodes) {
    if (!order.includes(id)) {
      node.remove();
      nodes.delete(id);
    }
  }
  order.forEach((id, index) => {
    if (!nodes.has(id)) nodes.set(id, make(id));
    const { node } = nodes.get(id);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
    fill(id);
  });
  const button = $("queue-waiting");
  button.hidden = waiting === 0;
  setText(button, w("queue.waiting", { n: waiting }));
  const empty = $("queue-empty");
  empty.hidden = order.length > 0;
  if (!order.length) empty.replaceChildren(el("b", {}, w("queue.empty")), el("span", {}, w("queue.empty-more")));
  $("queue-more").hidden = model.more === 0;
  setText($("queue-more"), w("queue.more", { n: model.more }));
  paintAges();
  paintSelection();
}

function make(id) {
  const parts = {
    badge: el("span"),
    title: el("span", { class: "title" }),
    place: el("span"),
    standing: el("span"),
    age: el("span", { class: "age" }),
    owner: el("span", { class: "owner" }),
  };
  const node = el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "row", "data-id": id, onclick: () => emit("open", id) },
      parts.badge,
      parts.title,
      parts.age,
      el("span", { class: "line" }, parts.place, " · ", parts.standing),
      parts.owner,
    ),
  );
  return { node, parts };
}

function fill(id) {
  const r = row(id);
  const { node, parts } = nodes.get(id);
  const key = `${r.version} ${r.who} ${r.place} ${r.standing}`;
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  const fresh = isNew(r);
  const fresher = badge(r.severity, fresh);
  parts.badge.replaceWith(fresher);
  parts.badge = fresher;
  const drill = r.status === "Actual" ? [] : [el("em", {}, w(`status.${r.status}`)), " "];
  parts.title.replaceChildren(...drill, r.who ? `${r.title} · ${r.who}` : r.title);
  parts.title.title = r.who ? `${r.title} · ${r.who}` : r.title;
  setText(parts.place, r.place);
  setText(parts.standing, r.standing);
  parts.place.title = r.place;
  setText(parts.owner, fresh ? w("owner.new") : r.owner === null ? "–" : r.owner === state.hello?.name ? w("owner.mine") : r.owner);
  node.firstElementChild.classList.toggle("new", fresh);
  node.firstElementChild.classList.toggle("over", r.over);
  node.firstElementChild.dataset.severity = r.severity;
}

function paintAges() {
  for (const [id, { parts }] of nodes) {
    const r = row(id);
    if (r) setText(parts.age, age(now() - Date.parse(r.opened_at)));
  }
}

function paintSelection() {
  for (const [id, { node }] of nodes) {
    const chosen = id === state.selected;
    node.firstElementChild.setAttribute("aria-current", chosen ? "true" : "false");
    if (chosen && state.revealed !== id) {
      state.revealed = id;
      node.scrollIntoView({ block: "nearest" });
    }
  }
}

// The row `step` away from the selected one, of those on the screen.
export function neighbour(step) {
  if (!shown.length) return null;
  const at = shown.indexOf(state.selected);
  if (at < 0) return shown[step > 0 ? 0 : shown.length - 1];
  return shown[Math.min(shown.length - 1, Math.max(0, at + step))];
}

export function oldestNew() {
  const fresh = (state.models.queue?.rows ?? []).filter(isNew);
  fresh.sort((a, b) => a.severity - b.severity || Date.parse(a.opened_at) - Date.parse(b.opened_at));
  return fresh[0]?.id ?? null;
}
