// The one socket. Two missed beats mean not live; it connects again for ever, also after sleep, when a dead socket
// still says OPEN.

import { emit, state } from "./state.js";

const BEAT_MS = 1000;
const MISSED_MS = 2 * BEAT_MS + 500;
const LONGEST_MS = 5000;
const NOT_SIGNED_IN = 4401;
const NO_DISTRICT = 4403;

let socket = null;
let heard = performance.now();
let tries = 0;
let again = null;
let wanted = [];

export function connect() {
  clearTimeout(again);
  again = null;
  drop();
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  heard = performance.now();
  socket.onmessage = ({ data }) => {
    heard = performance.now();
    if (typeof data === "string") take(JSON.parse(data));
    else takePicture(data);
  };
  socket.onclose = ({ code }) => {
    setLive(false);
    if (code === NOT_SIGNED_IN) location.assign("/sign-in");
    else if (code === NO_DISTRICT) emit("no-district");
    else later();
  };
}

function drop() {
  if (!socket) return;
  socket.onmessage = socket.onclose = null;
  socket.close();
  socket = null;
}

function later() {
  if (again) return;
  tries += 1;
  again = setTimeout(connect, Math.min(LONGEST_MS, 250 * 2 ** Math.min(tries, 5)) * (0.75 + Math.random() / 2));
}

// Called each half second, and when the page is shown again.
export function watch() {
  if (!socket || performance.now() - heard < MISSED_MS) return;
  setLive(false);
  if (!again) {
    drop();
    later();
  }
}

function setLive(live) {
  if (state.live === live) return;
  state.live = live;
  if (!live) state.sinceNotLive ??= Date.now() + state.offset;
  else {
    state.sinceNotLive = null;
    tries = 0;
  }
  emit("live", live);
}

function take(message) {
  if (message.type === "hello") {
    state.hello = message;
    state.offset = Date.parse(message.at) - Date.now();
    emit("hello", message);
    askForPictures(wanted);
  } else if (message.type === "beat") {
    state.offset = Date.parse(message.at) - Date.now();
    state.away = message.away;
    setLive(true);
    emit("beat", message);
  } else {
    if (message.component) window.dash_clientside.set_props(message.type, { children: message.component });
    else state.models[message.type] = message.model;
    emit(message.type, message.model);
  }
}

function takePicture(buffer) {
  const view = new DataView(buffer);
  const length = view.getUint8(0);
  const camera = new TextDecoder().decode(new Uint8Array(buffer, 9, length));
  const jpeg = new Blob([new Uint8Array(buffer, 9 + length)], { type: "image/jpeg" });
  emit("picture", { camera, at: view.getFloat64(1), jpeg });
}

export function askForPictures(cameras) {
  wanted = cameras;
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "tiles", cameras }));
}
