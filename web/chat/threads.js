// The list of conversations: opened, renamed, deleted, and walked through with the arrow keys.

import { confirmed } from "./confirm.js";
import { at, iconButton, make, PATHS } from "./dom.js";
import { linkTo } from "./place.js";
import { cancelRun, deleteThread, Refused, renameThread, thread as readThread, threads } from "./server.js";
import { say } from "./announcer.js";
import { language, languageOf, words } from "./words.js";

/** A server keeps 400 bytes, and Hangul takes three for a letter. */
const TITLE_CHARS_MAX = 130;
const DAY_MS = 86_400_000;
const MOVES = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
const NOT_FOUND = 404;
const CONFLICT = 409;
const STOPPING_TRIES = 20;
const STOPPING_MS = 250;

const list = at("thread-list");
const more = at("threads-more");

let rows = [];
let cursor = null;
let current = null;
let told = { open: () => {}, removed: () => {}, renamed: () => {} };

/** Says who hears that a thread is to be opened, was removed or was renamed. */
export function onThreads(listeners) {
  told = { ...told, ...listeners };
}

/** Reads the list anew. */
export async function refresh() {
  try {
    const page = await threads();
    rows = page.threads;
    cursor = page.next_cursor ?? null;
    at("threads-note").textContent = rows.length ? "" : words.noThreads;
  } catch (error) {
    at("threads-note").textContent = error instanceof Refused ? error.message : words.unreachable;
  }
  draw();
}

/** Marks the thread that is shown. */
export function mark(id) {
  current = id;
  draw();
}

more.addEventListener("click", async () => {
  more.disabled = true;
  try {
    const page = await threads(cursor);
    const first = rows.length;
    rows = [...rows, ...page.threads.filter(({ id }) => !rows.some((row) => row.id === id))];
    cursor = page.next_cursor ?? null;
    draw();
    links()[first]?.focus();
  } catch (error) {
    at("threads-note").textContent = error instanceof Refused ? error.message : words.unreachable;
  }
  more.disabled = false;
});

list.addEventListener("keydown", (event) => {
  const by = MOVES[event.key];
  if (by === undefined || !event.target.matches("a")) return;
  event.preventDefault();
  const all = links();
  const index = Math.min(Math.max(all.indexOf(event.target) + by, 0), all.length - 1);
  reach(all[index]);
  all[index].focus();
});

const links = () => [...list.querySelectorAll("a")];

// One row is in the order of Tab, the others are reached with the arrows.
function reach(link) {
  for (const each of list.querySelectorAll("a, button")) each.tabIndex = each.closest("li") === link?.closest("li") ? 0 : -1;
}

function draw() {
  const held = document.activeElement?.closest?.("#thread-list li")?.dataset.id;
  if (list.querySelector("form")) return;
  list.replaceChildren(...rows.map(row));
  more.hidden = !cursor;
  const kept = held && links().find((link) => link.closest("li").dataset.id === held);
  reach(kept || list.querySelector("[aria-current]") || links()[0]);
  kept?.focus({ preventScroll: true });
}

function row(thread) {
  const item = make("li");
  item.dataset.id = thread.id;
  const link = make("a");
  link.href = linkTo({ thread: thread.id });
  const title = make("span", "title", thread.title || words.untitled);
  title.lang = languageOf(thread.title);
  const time = make("time", "", when(thread.updated_at_ms));
  time.dateTime = new Date(thread.updated_at_ms).toISOString();
  link.append(title, time);
  link.title = [thread.title, thread.expires_at_ms && words.keptUntil(day(thread.expires_at_ms))].filter(Boolean).join("\n");
  if (thread.id === current) link.setAttribute("aria-current", "page");
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    told.open(thread.id);
  });
  const rename = iconButton(PATHS.rename, words.rename(thread.title), { name: "rename", press: () => edit(item, thread) });
  const remove = iconButton(PATHS.remove, words.remove(thread.title), { name: "remove", press: () => drop(item, thread) });
  item.append(link, rename, remove);
  return item;
}

function edit(item, thread) {
  const form = make("form", "renaming");
  const field = make("input");
  field.value = thread.title;
  field.maxLength = TITLE_CHARS_MAX;
  field.required = true;
  field.setAttribute("aria-label", words.newTitle);
  form.append(field);
  item.replaceChildren(form);
  field.select();
  field.focus();
  let over = false;
  const end = async (keep) => {
    if (over) return;
    over = true;
    const title = field.value.trim();
    if (keep && title && title !== thread.title) await save(thread, title);
    const held = item.contains(document.activeElement) || document.activeElement === document.body;
    form.remove();
    draw();
    if (held) focusRow(thread.id);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    end(true);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end(false);
  });
  field.addEventListener("blur", () => end(true));
}

async function save(thread, title) {
  try {
    await renameThread(thread.id, title);
    thread.title = title;
    told.renamed(thread.id, title);
  } catch (error) {
    say(error instanceof Refused ? error.message : words.unreachable);
  }
}

function focusRow(id) {
  const link = links().find((each) => each.closest("li").dataset.id === id);
  if (!link) return;
  reach(link);
  link.focus();
}

async function drop(item, thread) {
  if (!(await confirmed(words.removeAsk(thread.title || words.untitled), words.removeYes))) return;
  try {
    await deleteWhole(thread.id);
  } catch (error) {
    if (!(error instanceof Refused && error.status === NOT_FOUND)) return say(error instanceof Refused ? error.message : words.unreachable);
  }
  const index = rows.findIndex(({ id }) => id === thread.id);
  rows = rows.filter(({ id }) => id !== thread.id);
  draw();
  const near = links()[Math.min(index, rows.length - 1)];
  reach(near);
  (near ?? at("new-chat")).focus();
  if (!rows.length) at("threads-note").textContent = words.noThreads;
  say(words.removed);
  told.removed(thread.id);
}

// A run that goes on keeps its thread; it is stopped first, and has a moment to end.
async function deleteWhole(id) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await deleteThread(id);
    } catch (error) {
      if (error.status !== CONFLICT || tries >= STOPPING_TRIES) throw error;
    }
    const { turns_list: turns } = await readThread(id);
    await Promise.allSettled(turns.filter(({ state }) => state === "running").map((turn) => cancelRun(turn.run_id)));
    await new Promise((resolve) => setTimeout(resolve, STOPPING_MS));
  }
}

const day = (ms) => new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(ms);

function when(ms) {
  const date = new Date(ms);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(date);
  const near = Math.abs(today - date) < 6 * DAY_MS;
  const sameYear = date.getFullYear() === today.getFullYear();
  const options = near ? { weekday: "long" } : { month: "short", day: "numeric", ...(!sameYear && { year: "numeric" }) };
  return new Intl.DateTimeFormat(language, options).format(date);
}
