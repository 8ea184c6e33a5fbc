// What one desk likes: kept in this browser only.

import { $ } from "./dom.js";
import { emit } from "./state.js";
import { testSound } from "./sound.js";

const defaults = { theme: "dark", scale: 100, keys: true };

function read() {
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem("haechi") ?? "{}") };
  } catch {
    return { ...defaults };
  }
}

let settings = read();

export const setting = (name) => settings[name];

function set(change) {
  settings = { ...settings, ...change };
  try {
    localStorage.setItem("haechi", JSON.stringify(settings));
  } catch {
    // a browser that keeps nothing keeps it for this page
  }
  apply();
}

function apply() {
  document.documentElement.dataset.theme = settings.theme;
  document.documentElement.style.setProperty("--scale", String(settings.scale / 100));
  $("set-keys")?.setAttribute("aria-pressed", String(settings.keys));
  $("set-theme")?.setAttribute("aria-pressed", String(settings.theme === "light"));
  emit("theme");
}

export function startSettings() {
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("help-close").addEventListener("click", () => $("help").close());
  $("set-keys").addEventListener("click", () => set({ keys: !settings.keys }));
  $("set-theme").addEventListener("click", () => set({ theme: settings.theme === "light" ? "dark" : "light" }));
  $("set-smaller").addEventListener("click", () => set({ scale: Math.max(90, settings.scale - 10) }));
  $("set-larger").addEventListener("click", () => set({ scale: Math.min(150, settings.scale + 10) }));
  $("set-sound").addEventListener("click", testSound);
  $("sign-out").addEventListener("click", signOut);
  apply();
}

async function signOut() {
  await fetch("/sign-out", { method: "POST" }).catch(() => null);
  location.assign("/sign-in");
}
