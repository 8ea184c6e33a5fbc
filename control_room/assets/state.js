// What the page knows, and who wants to hear of it. Models are whole: the newest replaces the one before.

export const state = {
  hello: null, // who looks on, rights, time zone
  models: {}, // by panel
  selected: null, // id of the opened incident
  live: false,
  sinceNotLive: null,
  away: [],
  offset: 0, // server clock minus ours, ms
  tick: false, // the one 1 Hz clock of everything that flashes
};

const listeners = new Map();

export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, []);
  listeners.get(name).push(listener);
}

export function emit(name, value) {
  for (const listener of listeners.get(name) ?? []) listener(value);
}

export const now = () => Date.now() + state.offset;

export const row = (id) => state.models.queue?.rows.find((r) => r.id === id);

export function may(right) {
  return state.hello?.rights.includes(right) ?? false;
}
