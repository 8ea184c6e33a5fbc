// Why an incident was raised, in words. Asking is a look at where somebody was, and is written down as one.

import { toast } from "./actions.js";
import { $, el } from "./dom.js";
import { w } from "./words.js";

export function startWhy() {
  $("why-close").addEventListener("click", () => $("why").close());
}

export async function explain(id) {
  let answer;
  try {
    answer = await fetch(`/api/v1/incidents/${encodeURIComponent(id)}/explanation`, { headers: { accept: "application/json" } });
  } catch {
    return toast(w("act.offline"));
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return toast(w("why.failed", { why: told.detail ?? answer.status }));
  const sections = told.sections.map((s) =>
    el("section", {}, el("h3", {}, s.title), el("ul", {}, ...s.lines.map((line) => el("li", {}, line)))),
  );
  $("why-text").replaceChildren(el("h2", {}, told.headline), ...sections);
  if (!$("why").open) $("why").showModal();
  $("why").scrollTop = 0;
}
