// The line that says what the service holds, and how far it has read.

import { at } from "./dom.js";
import { status } from "./server.js";
import { count, words } from "./words.js";

const BUSY_POLL_MS = 2000;
const EMPTY_POLL_MS = 5000;

let timer = null;

/** Asks for the state now, and again while it changes. */
export async function pollStatus() {
  clearTimeout(timer);
  const state = await status().catch(() => null);
  show(state);
  const pause = state?.ingesting ? BUSY_POLL_MS : state?.documents ? null : EMPTY_POLL_MS;
  clearTimeout(timer);
  if (pause && !document.hidden) timer = setTimeout(pollStatus, pause);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) pollStatus();
});

function show(state) {
  const bar = at("status-bar");
  const known = Boolean(state?.ingesting && state.chunks);
  bar.hidden = !known;
  if (known) bar.value = state.embedded / state.chunks;
  at("status-text").textContent = line(state);
  at("status-text").title = state?.model ?? "";
  at("hint").textContent = state?.ingesting ? words.hintIndexing : words.hint;
  at("hint").classList.toggle("busy", Boolean(state?.ingesting));
  const nothing = state && !state.documents && !state.ingesting;
  at("invitation").textContent = nothing ? words.noDocuments : words.invitation;
}

function line(state) {
  if (!state) return words.statusUnknown;
  if (state.ingesting && !state.chunks) return words.reading(count(state.documents));
  if (state.ingesting) return words.indexing(count(state.embedded), count(state.chunks));
  if (!state.documents) return words.empty;
  const failed = state.failed ? ` · ${words.failed(count(state.failed))}` : "";
  return words.ready(count(state.documents), count(state.chunks)) + failed;
}
