// The source panel: a cited span marked in the text of its document, with what its check said and what became of it since.

import { say } from "./announcer.js";
import { toClipboard } from "./clipboard.js";
import { at, button, make } from "./dom.js";
import { fateNotes, foundToday } from "./fate.js";
import { verdictLine } from "./marks.js";
import { here, linkTo, showCitation } from "./place.js";
import { documentText } from "./server.js";
import { languageOf, words } from "./words.js";

const BEFORE_BYTES = 1500;
const AFTER_BYTES = 2500;
const MORE_BYTES = 6000;

const panel = at("source");
const body = at("source-text");
const part = (name) => at(`source-${name}`);

let opened = null;

/**
 * Shows where a citation stands. `isLogged` says that the server knows it by its id, `previous` and `next` are the buttons
 * that open its neighbours, and `onClose` is told when the panel goes away or shows another.
 */
export function open(citation, { isLogged, previous, next, onClose }) {
  leave();
  const view = { citation, onClose, controller: new AbortController() };
  opened = view;
  head(citation);
  neighbours({ previous, next });
  part("note").replaceChildren();
  body.replaceChildren(note(words.loading));
  panel.hidden = false;
  document.body.classList.add("reading");
  showCitation(citation.id);
  if (!panel.contains(document.activeElement)) panel.focus({ preventScroll: true });
  return find(view, isLogged);
}

/** Puts the panel away. */
export function close() {
  if (!opened) return;
  panel.hidden = true;
  document.body.classList.remove("reading");
  showCitation(null);
  leave();
}

/** Whether the panel shows something. */
export const isOpen = () => Boolean(opened);

/** The id of the citation that is shown, or null. */
export const shown = () => opened?.citation.id ?? null;

/** The place of a citation in words: heading path and page, as far as it has them and the title does not say them. */
export function placeOf({ title, location }) {
  const { headingPath = [], pageFirst, pageLast, place } = location ?? {};
  const heading = headingPath.filter((each, depth) => each && !(depth === 0 && title?.startsWith(each))).join(" › ");
  return [heading, pageFirst ? words.page(pageFirst, pageLast) : "", place ?? ""].filter(Boolean).join(" · ");
}

/** The title of a citation, or its address when it has none. */
export const titleOf = ({ title, source }) => title || source || words.untitled;

part("close").addEventListener("click", close);
part("link").addEventListener("click", async () => {
  const link = linkTo({ thread: here().thread, citation: shown() });
  say((await toClipboard(link)) ? words.linkCopied : words.copyFailed);
});
document.addEventListener("keydown", (event) => {
  const elsewhere = event.defaultPrevented || document.querySelector("dialog[open]") || event.target.closest?.("#threads");
  if (event.key === "Escape" && opened && !event.isComposing && !elsewhere) close();
});

function leave() {
  const { controller, onClose } = opened ?? {};
  opened = null;
  controller?.abort();
  onClose?.();
}

function head(citation) {
  part("number").textContent = words.sourceNumber(citation.n);
  part("title").textContent = titleOf(citation);
  part("title").lang = languageOf(titleOf(citation));
  part("uri").textContent = citation.source ?? "";
  part("verdict").replaceChildren(verdictLine(citation));
  showPlace(citation, citation.location);
}

function showPlace({ title }, location) {
  part("place").textContent = placeOf({ title, location });
}

function neighbours(buttons) {
  for (const [name, target] of Object.entries(buttons)) {
    const control = part(name);
    control.disabled = !target;
    control.onclick = () => {
      target.click();
      // The neighbour may be the last one, and its button with it asleep.
      if (control.disabled) panel.focus({ preventScroll: true });
    };
  }
}

async function find(view, isLogged) {
  const { citation, controller } = view;
  try {
    const today = isLogged ? await foundToday(citation, controller.signal) : { state: "same", location: citation.location };
    if (view !== opened) return;
    part("note").replaceChildren(...fateNotes(today, citation));
    panel.dataset.state = today.state;
    if (!today.location) return void body.replaceChildren();
    view.location = today.location;
    view.isKnown = today.isKnown;
    showPlace(citation, { ...citation.location, ...today.location });
    const { start, end } = today.location;
    await show(view, { start: Math.max(0, start - BEFORE_BYTES), end: end + AFTER_BYTES });
  } catch (error) {
    failed(view, error);
  }
}

async function show(view, range) {
  const { citation, controller } = view;
  try {
    const page = await documentText(citation.documentId, range, controller.signal);
    if (view === opened) draw(view, page);
  } catch (error) {
    failed(view, error);
  }
}

function failed(view, error) {
  if (view.controller.signal.aborted || view !== opened) return;
  const reason = error instanceof TypeError ? words.unreachable : error.message;
  part("note").replaceChildren(note(words.missing(reason)), quote(view.citation));
  body.replaceChildren();
}

function draw(view, page) {
  const [before, cited, after] = split(page, view.location);
  const mark = make("mark", "", cited);
  const anchor = body.querySelector("mark")?.getBoundingClientRect().top;
  const text = make("div", "text");
  text.lang = languageOf(page.text);
  text.append(before, mark, after);
  if (!view.isKnown && cited !== quoted(view.citation)) part("note").replaceChildren(note(words.changed), quote(view.citation));
  const rest = [];
  if (page.start > 0) rest.push(more(words.earlier, view, { start: Math.max(0, page.start - MORE_BYTES), end: page.end }));
  rest.push(text);
  if (page.end < page.total_bytes) rest.push(more(words.later, view, { start: page.start, end: page.end + MORE_BYTES }));
  body.replaceChildren(...rest);
  bringTo(mark, anchor);
}

// Offsets are bytes of UTF-8, and a string of the browser counts in UTF-16.
function split(page, location) {
  const bytes = new TextEncoder().encode(page.text);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const inside = (offset) => Math.min(Math.max(offset - page.start, 0), bytes.length);
  const start = inside(location.start);
  const end = inside(location.end);
  return [bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)].map((piece) => decoder.decode(piece));
}

/** The words of a citation as it was made. */
export const quoted = ({ sourceContent = [] }) => sourceContent.map(({ text }) => text).join("");

/** The words of a citation as a quotation. */
export function quote(citation) {
  const made = make("blockquote", "", quoted(citation));
  made.lang = languageOf(made.textContent);
  return made;
}

/** A line above the text. */
export const note = (text) => make("p", "note", text);

function more(label, view, range) {
  return button(label, "more", ({ currentTarget }) => {
    currentTarget.disabled = true;
    show(view, range);
  });
}

// The mark stays where it was when more text came; at first it stands a third of the way down, or at the top when it is long.
function bringTo(mark, anchor) {
  const box = body.getBoundingClientRect();
  const place = mark.getBoundingClientRect();
  const third = (box.height - place.height) / 3;
  const wanted = anchor ?? box.top + Math.max(12, third);
  body.scrollTop += place.top - wanted;
}
