// The source panel: a cited span marked in the text of its document.

import { documentText } from "./agui.js";
import { languageOf, words } from "./words.js";

const BEFORE_BYTES = 1500;
const AFTER_BYTES = 2500;
const MORE_BYTES = 6000;

const panel = document.getElementById("source");
const body = document.getElementById("source-text");
const part = (name) => document.getElementById(`source-${name}`);

let opened = null;

/** Shows where a citation stands; `onClose` is told when the panel goes away or shows another. */
export function open(citation, onClose) {
  leave();
  const controller = new AbortController();
  opened = { citation, onClose, controller };
  head(citation);
  part("note").replaceChildren();
  body.replaceChildren(note(words.loading));
  panel.hidden = false;
  document.body.classList.add("reading");
  panel.focus({ preventScroll: true });
  const { start, end } = citation.location;
  return show(opened, { start: Math.max(0, start - BEFORE_BYTES), end: end + AFTER_BYTES });
}

/** Puts the panel away. */
export function close() {
  if (!opened) return;
  panel.hidden = true;
  document.body.classList.remove("reading");
  leave();
}

/** The place of a citation in words: heading path and page, as far as it has them and the title does not say them. */
export function placeOf({ title, location = {} }) {
  const { headingPath = [], pageFirst, pageLast, place } = location;
  const heading = headingPath.filter((each, depth) => each && !(depth === 0 && title?.startsWith(each))).join(" › ");
  return [heading, pageFirst ? words.page(pageFirst, pageLast) : "", place ?? ""].filter(Boolean).join(" · ");
}

/** The title of a citation, or its address when it has none. */
export const titleOf = ({ title, source }) => title || source || words.untitled;

part("close").addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && opened && !event.isComposing) close();
});

function leave() {
  const { controller, onClose } = opened ?? {};
  opened = null;
  controller?.abort();
  onClose?.();
}

function head(citation) {
  part("number").textContent = `${words.source} ${citation.n}`;
  part("title").textContent = titleOf(citation);
  part("title").lang = languageOf(titleOf(citation));
  part("place").textContent = placeOf(citation);
  part("uri").replaceChildren(address(citation));
}

// Only a web address becomes a link: a document may name any scheme, `javascript:` too.
function address({ url, source }) {
  if (!url || !/^https?:\/\//i.test(url)) return document.createTextNode(source ?? "");
  const link = document.createElement("a");
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = source || url;
  return link;
}

async function show(view, range) {
  const { citation, controller } = view;
  try {
    const page = await documentText(citation.documentId, range, controller.signal);
    if (view === opened) draw(view, page);
  } catch (error) {
    if (controller.signal.aborted || view !== opened) return;
    const reason = error instanceof TypeError ? words.unreachable : error.message;
    part("note").replaceChildren(note(words.missing(reason)), quote(citation));
    body.replaceChildren();
  }
}

function draw(view, page) {
  const { citation } = view;
  const [before, cited, after] = split(page, citation.location);
  const mark = document.createElement("mark");
  mark.textContent = cited;
  const anchor = body.querySelector("mark")?.getBoundingClientRect().top;
  const text = document.createElement("div");
  text.className = "text";
  text.lang = languageOf(page.text);
  text.append(before, mark, after);
  const changed = cited !== quoted(citation);
  part("note").replaceChildren(...(changed ? [note(words.changed), quote(citation)] : []));
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

const quoted = ({ sourceContent = [] }) => sourceContent.map((piece) => piece.text).join("");

function quote(citation) {
  const made = document.createElement("blockquote");
  made.textContent = quoted(citation);
  made.lang = languageOf(made.textContent);
  return made;
}

function note(text) {
  const made = document.createElement("p");
  made.className = "note";
  made.textContent = text;
  return made;
}

function more(label, view, range) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "more";
  made.textContent = label;
  made.addEventListener("click", () => {
    made.disabled = true;
    show(view, range);
  });
  return made;
}

// The mark stays where it was when more text came; at first it stands a third of the way down, or at the top when it is long.
function bringTo(mark, anchor) {
  const box = body.getBoundingClientRect();
  const place = mark.getBoundingClientRect();
  const third = (box.height - place.height) / 3;
  const wanted = anchor ?? box.top + Math.max(12, third);
  body.scrollTop += place.top - wanted;
}
