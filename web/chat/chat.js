// The chat page: it asks, follows the run, and shows what the service holds.

import { EndedEarly, ServerError, run, status } from "./agui.js";
import { apply, asked, begun, fresh, history, keep, restore } from "./conversation.js";
import { close } from "./source.js";
import { article, spoken } from "./turn.js";
import { count, translate, words } from "./words.js";

const BUSY_POLL_MS = 2000;
const EMPTY_POLL_MS = 5000;
const NEAR_END_PX = 80;
const IME_KEY_CODE = 229;

const at = (id) => document.getElementById(id);
const [thread, turns, question, form] = ["thread", "turns", "question", "composer"].map(at);

let conversation = restore();
let views = new Map();
let running = null;
let pollTimer = null;

translate();
drawAll();
pollStatus();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const content = question.value.trim();
  if (!content || running) return;
  question.value = "";
  fitQuestion();
  const turn = asked(content);
  conversation.turns.push(turn);
  follow(turn);
});

question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  // While a syllable is being composed, Enter belongs to the input method; Safari says so only by the key code.
  if (event.isComposing || event.keyCode === IME_KEY_CODE) return;
  event.preventDefault();
  form.requestSubmit();
});
question.addEventListener("input", fitQuestion);

at("stop").addEventListener("click", () => running?.abort());
at("new-chat").addEventListener("click", () => {
  running?.abort();
  close();
  conversation = fresh();
  keep(conversation);
  drawAll();
  question.focus();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) pollStatus();
});

async function follow(turn) {
  const controller = new AbortController();
  running = controller;
  draw(turn, { reveal: true });
  showRunning();
  try {
    const messages = history(conversation, turn);
    for await (const event of run({ threadId: conversation.threadId, messages, signal: controller.signal })) {
      apply(turn, event);
      drawSoon(turn);
    }
  } catch (error) {
    turn.state = controller.signal.aborted ? "stopped" : "failed";
    turn.error = failure(error);
  }
  if (running === controller) running = null;
  showRunning();
  if (!conversation.turns.includes(turn)) return;
  draw(turn);
  at("announcer").textContent = spoken(turn);
  keep(conversation);
  pollStatus();
}

function failure(error) {
  if (error instanceof ServerError) return error.message;
  if (error instanceof EndedEarly) return words.endedEarly;
  if (error instanceof TypeError) return words.unreachable;
  return String(error.message ?? error);
}

function retry(turn) {
  if (running) return;
  const index = conversation.turns.indexOf(turn);
  const again = begun(turn);
  conversation.turns[index] = again;
  views.set(again, views.get(turn));
  views.delete(turn);
  close();
  follow(again);
}

function drawAll() {
  views = new Map();
  turns.replaceChildren();
  at("welcome").hidden = conversation.turns.length > 0;
  conversation.turns.forEach((turn) => draw(turn));
  thread.scrollTop = thread.scrollHeight;
}

let waiting = new Set();

function drawSoon(turn) {
  if (!waiting.size) requestAnimationFrame(drawWaiting);
  waiting.add(turn);
}

function drawWaiting() {
  const due = waiting;
  waiting = new Set();
  for (const turn of due) if (conversation.turns.includes(turn)) draw(turn);
}

function draw(turn, { reveal = false } = {}) {
  const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_END_PX;
  at("welcome").hidden = true;
  if (!views.has(turn)) {
    const view = article(turn, { retry: () => retry(conversation.turns.at(-1)) });
    views.set(turn, view);
    turns.append(view.root);
    const previous = conversation.turns.at(-2);
    if (previous && previous !== turn && views.has(previous)) views.get(previous).update(previous, false);
  }
  views.get(turn).update(turn, turn === conversation.turns.at(-1));
  if (reveal || atEnd) thread.scrollTop = thread.scrollHeight;
}

function showRunning() {
  const held = document.activeElement;
  at("send").hidden = Boolean(running);
  at("stop").hidden = !running;
  if (held === at("send") || held === at("stop")) question.focus();
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

async function pollStatus() {
  clearTimeout(pollTimer);
  const state = await status().catch(() => null);
  showStatus(state);
  const pause = state?.ingesting ? BUSY_POLL_MS : state?.documents ? null : EMPTY_POLL_MS;
  clearTimeout(pollTimer);
  if (pause && !document.hidden) pollTimer = setTimeout(pollStatus, pause);
}

function showStatus(state) {
  const bar = at("status-bar");
  const known = Boolean(state?.ingesting && state.chunks);
  bar.hidden = !known;
  if (known) bar.value = state.embedded / state.chunks;
  at("status-text").textContent = statusLine(state);
  at("status-text").title = state?.model ?? "";
  at("hint").textContent = state?.ingesting ? words.hintIndexing : words.hint;
  at("hint").classList.toggle("busy", Boolean(state?.ingesting));
  const nothing = state && !state.documents && !state.ingesting;
  at("invitation").textContent = nothing ? words.noDocuments : words.invitation;
}

function statusLine(state) {
  if (!state) return words.statusUnknown;
  if (state.ingesting && !state.chunks) return words.reading(count(state.documents));
  if (state.ingesting) return words.indexing(count(state.embedded), count(state.chunks));
  if (!state.documents) return words.empty;
  const failed = state.failed ? ` · ${words.failed(count(state.failed))}` : "";
  return words.ready(count(state.documents), count(state.chunks)) + failed;
}
