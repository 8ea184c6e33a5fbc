// The words of the page come with it (control_room/words.py); times are shown in the wall's zone, not the browser's.

import { state } from "./state.js";

let table = {};

export function takeWords(root) {
  table = JSON.parse(root.dataset.words);
}

export function w(key, values = {}) {
  return (table[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone: state.hello?.timezone }));
  }
  return formats.get(key);
}

export const clock = (ms) => format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);

// "21:47:06", and with the day in front when it is not today's.
export function moment(ms, today) {
  const day = format({ day: "2-digit", month: "short" });
  return day.format(ms) === day.format(today) ? clock(ms) : `${day.format(ms)} ${clock(ms)}`;
}

export function zoneName() {
  const parts = format({ timeZoneName: "short" }).formatToParts(0);
  const name = parts.find((p) => p.type === "timeZoneName")?.value ?? "";
  return name === "GMT+9" && state.hello?.timezone === "Asia/Seoul" ? "KST" : name;
}

// mm:ss, from an hour on h:mm:ss, from a day on days.
export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s >= 86400) return `${Math.floor(s / 86400)} d ${two(Math.floor(s / 3600) % 24)} h`;
  if (s >= 3600) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 60)}:${two(s % 60)}`;
}
