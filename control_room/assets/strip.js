// The strip's live parts that Python does not render: the clock, who is on duty, the banner, the page's title.

import { $, el, setText } from "./dom.js";
import { now, on, state } from "./state.js";
import { clock, moment, w, zoneName } from "./words.js";

export function startStrip() {
  on("hello", (hello) => setText($("duty"), w("strip.duty", { name: hello.name })));
  on("queue", paintTitle);
  on("live", paintBanner);
  on("beat", paintBanner);
  on("second", paintClock);
}

function paintClock() {
  if (!state.hello) return;
  $("clock").replaceChildren(clock(now()), el("small", {}, ` ${zoneName()}`));
}

function paintTitle(model) {
  const fresh = model.rows.filter((r) => r.state !== "acknowledged").length;
  document.title = fresh ? `(${fresh}) ${w("product")}` : w("product");
}

function paintBanner() {
  const banner = $("stale");
  const lines = [];
  if (!state.live && state.hello) lines.push(w("stale.banner", { at: moment(state.sinceNotLive, now()) }));
  else {
    for (const source of state.away) {
      lines.push(w("stale.source", { what: w(`source.${source.what}`), at: moment(Date.parse(source.since), now()) }));
    }
  }
  const text = lines.join(" · ");
  document.body.classList.toggle("not-live", lines.length > 0);
  banner.hidden = lines.length === 0;
  if (banner.dataset.text !== text) {
    banner.dataset.text = text;
    banner.replaceChildren(el("b", {}, text), el("span", {}, w("stale.more")));
  }
}
