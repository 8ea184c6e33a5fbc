// What a person decides goes to the API by ordinary requests; the answer that counts comes back by the socket.

import { $, setText } from "./dom.js";
import { w } from "./words.js";

let hide = null;

export function toast(text) {
  const node = $("toast");
  setText(node, text);
  node.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => (node.hidden = true), 6000);
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body ?? {}),
    });
  } catch {
    toast(w("act.offline"));
    return false;
  }
  if (answer.ok) return true;
  const problem = await answer.json().catch(() => ({}));
  toast(w("act.failed", { why: problem.detail ?? problem.title ?? answer.status }));
  return false;
}

const of = (id, what) => `/api/v1/incidents/${encodeURIComponent(id)}/${what}`;

export const acknowledge = (id) => post(of(id, "acknowledge"));
export const own = (id, owner) => post(of(id, "own"), { owner });
export const note = (id, words) => post(of(id, "notes"), { words });
export const close = (id, outcome, presses) => post(of(id, "close"), { outcome, presses });
