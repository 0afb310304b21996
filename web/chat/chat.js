// The chat page: it opens conversations, asks, and draws what comes.

import { asked, fresh, logged } from "./conversation.js";
import { at, button } from "./dom.js";
import { applyTheme, startLook } from "./look.js";
import { goTo, here, linkTo } from "./place.js";
import { filter, props, startScope } from "./scope.js";
import { Refused, thread as readThread } from "./server.js";
import { close, isOpen, shown } from "./source.js";
import { pollStatus } from "./status.js";
import { carry, isRunning, leave, stop } from "./talk.js";
import { startDrawer, shutDrawer } from "./drawer.js";
import * as threads from "./threads.js";
import { article } from "./turn.js";
import { startUpload } from "./upload.js";
import { translate, words } from "./words.js";

const NEAR_END_PX = 80;
const IME_KEY_CODE = 229;
const TITLE_CHARS = 60;
/** How many turns of a long conversation are drawn at once; the others come when they are asked for. */
const TURNS_DRAWN = 30;

const [thread, turns, question, form] = ["thread", "turns", "question", "composer"].map(at);

let conversation = fresh();
let views = new Map();
/** Counts what was opened, so that a slow answer for an earlier one is not shown in a later one. */
let openings = 0;

applyTheme();
translate();
startLook();
startScope();
startUpload();
startDrawer();
pollStatus();
threads.onThreads({
  open: (id) => {
    shutDrawer();
    openThread(id);
  },
  removed: (id) => id === conversation.threadId && newChat(),
  renamed: (id, title) => {
    if (id === conversation.threadId) entitle(title);
  },
});
threads.refresh();
arrive();

addEventListener("popstate", arrive);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const content = question.value.trim();
  if (!content || isRunning()) return;
  question.value = "";
  fitQuestion();
  askAnew(content);
});

question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey) return;
  // While a syllable is being composed, Enter belongs to the input method; Safari says so only by the key code.
  if (event.isComposing || event.keyCode === IME_KEY_CODE) return;
  event.preventDefault();
  form.requestSubmit();
});
question.addEventListener("input", fitQuestion);

at("stop").addEventListener("click", stop);
at("new-chat").addEventListener("click", () => {
  shutDrawer();
  newChat();
});

// What the address names is shown: at the start, after Back, and after a link within the page.
async function arrive() {
  const { thread: id, citation } = here();
  if (!id) return showFresh();
  if (id !== conversation.threadId || !conversation.turns.length) await load(id);
  const now = here();
  if (now.thread !== id || now.citation !== citation) return;
  if (!citation) close();
  else if (citation !== shown()) openCitation(citation);
}

function openCitation(id) {
  const turn = conversation.turns.find(({ answer }) => answer?.citations.some((citation) => citation.id === id));
  if (!turn) return false;
  if (!views.has(turn)) drawOlder(conversation.turns.length);
  return views.get(turn).openCitation(id);
}

async function openThread(id) {
  goTo(id);
  await load(id);
  at("thread").focus({ preventScroll: true });
}

function newChat() {
  goTo(null);
  showFresh();
  question.focus();
}

function showFresh() {
  openings += 1;
  leave();
  close();
  conversation = fresh();
  threads.mark(null);
  entitle("");
  drawAll();
}

async function load(id) {
  openings += 1;
  const opening = openings;
  leave();
  if (isOpen() && here().citation !== shown()) close();
  threads.mark(id);
  try {
    const kept = logged(await readThread(id));
    if (opening !== openings) return;
    conversation = kept;
    problem("");
  } catch (error) {
    if (opening !== openings) return;
    conversation = { ...fresh(), threadId: id };
    problem(error instanceof Refused ? (error.status === 404 ? words.threadMissing : error.message) : words.unreachable);
  }
  entitle(conversation.title);
  drawAll();
  const underWay = conversation.turns.findLast((turn) => turn.state === "running");
  if (underWay) run(underWay, { isUnderWay: true });
}

function problem(text) {
  at("thread-problem").textContent = text;
}

function entitle(title) {
  const short = title.length > TITLE_CHARS ? `${title.slice(0, TITLE_CHARS)}…` : title;
  document.title = short ? `${short} · ibid.` : "ibid.";
}

function askAnew(content) {
  problem("");
  const turn = asked(content, conversation.threadId);
  turn.filter = filter();
  conversation.turns.push(turn);
  goTo(conversation.threadId);
  if (!conversation.title) entitle(content);
  threads.mark(conversation.threadId);
  close();
  run(turn, {});
}

// A failed or stopped run is run again in its own place; an answer that came stays, because it may have been cited.
function askAgain(turn) {
  if (isRunning()) return;
  if (turn.state === "done") return askAnew(turn.question);
  close();
  const again = { ...asked(turn.question, turn.threadId), runId: turn.runId, filter: filter(), isLogged: turn.isLost };
  views.get(turn)?.root.remove();
  views.delete(turn);
  conversation.turns = conversation.turns.map((each) => (each === turn ? again : each));
  run(again, { isUnderWay: turn.isLost });
}

async function run(turn, { isUnderWay = false }) {
  const mine = openings;
  draw(turn, { reveal: true });
  const carried = carry(turn, { props: props(), isUnderWay, draw: drawSoon, started: () => threads.refresh() });
  showRunning();
  await carried;
  if (mine !== openings) return;
  showRunning();
  draw(turn);
  threads.refresh();
  pollStatus();
}

function drawAll() {
  views = new Map();
  turns.replaceChildren();
  at("welcome").hidden = conversation.turns.length > 0 || Boolean(at("thread-problem").textContent);
  drawOlder();
  thread.scrollTop = thread.scrollHeight;
  showRunning();
}

// Draws the turns before the first that is drawn, and leaves what is read where it is.
function drawOlder(count = TURNS_DRAWN) {
  const all = conversation.turns;
  const end = all.findIndex((turn) => views.has(turn));
  const until = end < 0 ? all.length : end;
  const from = Math.max(0, until - count);
  const roots = all.slice(from, until).map((turn) => {
    const view = viewOf(turn);
    view.update(turn === all.at(-1));
    return view.root;
  });
  const height = thread.scrollHeight;
  turns.querySelector(".older")?.remove();
  const older = from > 0 ? [button(words.older(from), "plain older", () => drawOlder())] : [];
  turns.prepend(...older, ...roots);
  thread.scrollTop += thread.scrollHeight - height;
  if (end >= 0) roots.at(-1)?.querySelector("button")?.focus({ preventScroll: true });
}

function viewOf(turn) {
  const view = article(turn, { again: () => askAgain(turn) });
  views.set(turn, view);
  return view;
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
    turns.append(viewOf(turn).root);
    const previous = conversation.turns[conversation.turns.indexOf(turn) - 1];
    views.get(previous)?.update(false);
  }
  views.get(turn).update(turn === conversation.turns.at(-1));
  if (reveal || atEnd) thread.scrollTop = thread.scrollHeight;
}

function showRunning() {
  const held = document.activeElement;
  at("send").hidden = isRunning();
  at("stop").hidden = !isRunning();
  if (held === at("send") || held === at("stop")) question.focus();
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

// A citation that an answer names in words opens in the panel, as its number would.
turns.addEventListener("click", (event) => {
  const link = event.target.closest(".prose a[href]");
  const id = link && /cit_[0-9a-f]{24}$/.exec(link.getAttribute("href"))?.[0];
  if (!id) return;
  event.preventDefault();
  if (!openCitation(id)) location.assign(linkTo({ thread: conversation.threadId, citation: id }));
});
