// Alarms are synthesised: 523 Hz with four harmonics (IEC 60601-1-8). Life safety repeats every 5 s until seen, urgent
// sounds once, advisory is silent; many at once are one burst; "not live" has a sound of its own.

import { $ } from "./dom.js";
import { isNew } from "./queue.js";
import { on, state } from "./state.js";

const PULSE = 0.15;
const GAP = 0.1;
const REPEAT_MS = 5000;
const BURST_MS = 3000;
const HARMONICS = [1, 2, 3, 4, 5];

let context = null;
let quietUntilFresh = false;
let lastBurst = -Infinity;

export function startSound() {
  try {
    context = new AudioContext();
  } catch {
    context = null;
  }
  const wake = () => context?.state === "suspended" && context.resume();
  addEventListener("keydown", wake, true);
  addEventListener("pointerdown", wake, true);
  context?.addEventListener("statechange", paint);
  $("sound-off").addEventListener("click", wake);
  on("fresh", (rows) => {
    quietUntilFresh = false;
    ring(Math.min(...rows.map((r) => r.severity)));
  });
  on("second", repeat);
  on("live", (live) => !live && state.hello && notLive());
  paint();
}

function paint() {
  $("sound-off").hidden = context?.state === "running";
}

export function quiet() {
  quietUntilFresh = true;
}

export const testSound = () => play(() => pulses([3, 2]));

function repeat() {
  if (quietUntilFresh || performance.now() - lastBurst < REPEAT_MS) return;
  const waiting = (state.models.queue?.rows ?? []).some((r) => r.severity === 1 && isNew(r) && r.id !== state.selected);
  if (waiting) ring(1);
}

function ring(severity) {
  const since = performance.now() - lastBurst;
  if (severity > 2 || (since < BURST_MS && severity > 1) || since < 1500) return;
  lastBurst = performance.now();
  play(() => pulses(severity === 1 ? [3, 2] : [3], severity === 1 ? PULSE : 0.2));
}

// A browser that was not touched yet lets nothing sound: then nothing is queued either, to be heard minutes late.
function play(sound) {
  if (context?.state === "running") sound();
  else if (navigator.userActivation?.hasBeenActive) context?.resume().then(sound);
}

function pulses(groups, length = PULSE) {
  let at = context.currentTime + 0.05;
  for (const group of groups) {
    for (let i = 0; i < group; i += 1) {
      tone(at, length, 523);
      at += length + GAP;
    }
    at += 0.4 - GAP;
  }
}

function notLive() {
  play(() => {
    tone(context.currentTime + 0.05, 0.4, 392);
    tone(context.currentTime + 0.55, 0.6, 262);
  });
}

function tone(at, length, base) {
  const gain = context.createGain();
  gain.connect(context.destination);
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
  gain.gain.setValueAtTime(0.12, at + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, at + length);
  for (const harmonic of HARMONICS) {
    const oscillator = context.createOscillator();
    oscillator.frequency.value = base * harmonic;
    oscillator.connect(gain);
    oscillator.start(at);
    oscillator.stop(at + length);
  }
}
