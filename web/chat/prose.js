// Answer text on the page: blocks of Markdown whose text nodes know their place in the answer, with buttons at its numbers.

import { make } from "./dom.js";
import { blocksOf, fragmentOf, levelOf } from "./markdown.js";

const MARKER = /\[(\d{1,3})\]/g;
const CLOSING = /^[.,;:!?…)\]”’"'。、！？]+/;
const LAST_WORD = /\S{1,24}$/;
/** How far a rendered text may lie behind the last one in the source: what stands between is markup. */
const MARKUP_CHARS = 12;

/** Where each text node of a rendered answer stands in the answer, in UTF-16 units: one offset for each unit of the node. */
const places = new WeakMap();

/**
 * Brings `root` to show `text`, leaving every block that did not change as it is, so that focus and selection survive
 * streaming. `cites.make(n, offset)` makes the element of a `[n]`, or gives null to leave it text, and `cites.key` says
 * in a string what that element depends on.
 */
export function render(root, text, cites) {
  const known = root.known ?? { text: "", blocks: [] };
  const blocks = split(text, known);
  let same = 0;
  while (same < blocks.length && same < known.blocks.length && unchanged(blocks[same], known.blocks[same], cites)) same += 1;
  while (root.childNodes.length > same) root.lastChild.remove();
  for (const block of blocks.slice(same)) root.append(element(block, cites));
  root.known = { text, blocks: blocks.map((block, index) => (index < same ? known.blocks[index] : block)) };
}

/** The part of a rendered answer between two offsets of its text, as a DOM range; null when nothing is there. */
export function rangeOf(root, start, end) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let found = false;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const offsets = places.get(node);
    const first = offsets?.findIndex((offset) => offset >= start && offset < end) ?? -1;
    if (first < 0) continue;
    if (!found) range.setStart(node, first);
    range.setEnd(node, offsets.findLastIndex((offset) => offset >= start && offset < end) + 1);
    found = true;
  }
  return found ? range : null;
}

// What is added can only change what follows the last blank line, or the block before that, so lexing begins again there.
function split(text, { text: before, blocks: known }) {
  const last = known.findLastIndex(({ isApart }) => isApart);
  const again = known[last - 1]?.kind === "list" ? last - 1 : last;
  const from = again > 0 && text.startsWith(before.slice(0, known[again].start)) ? known[again].start : 0;
  const blocks = from ? known.slice(0, again).map(({ kind, start, raw, token, isApart }) => ({ kind, start, raw, token, isApart })) : [];
  let start = from;
  let isApart = true;
  for (const token of blocksOf(text.slice(from))) {
    if (token.type !== "space") blocks.push({ kind: token.type, start, raw: token.raw, token, isApart });
    isApart = token.type === "space" || /\n\n$/.test(token.raw);
    start += token.raw.length;
  }
  const headings = blocks.filter(({ kind }) => kind === "heading");
  for (const { token } of headings) token.level = levelOf(token.depth, headings[0].token.depth);
  return blocks;
}

const unchanged = (block, drawn, cites) =>
  block.kind === drawn.kind && block.start === drawn.start && block.raw === drawn.raw && drawn.cites.every(({ n, offset, key }) => cites.key(n, offset) === key);

function element(block, cites) {
  const fragment = fragmentOf(block.token);
  const outer = make("div", "block");
  outer.append(fragment);
  const numbers = locate(outer, block);
  block.cites = numbers.map(({ n, offset }) => ({ n, offset, key: cites.key(n, offset) }));
  for (const { node, n, offset } of numbers) {
    const made = cites.make(n, offset);
    if (made) hold(node, made);
    else node.replaceWith(text(node.textContent, offset));
  }
  for (const wide of outer.querySelectorAll("pre, table")) scrollable(wide);
  return outer;
}

function text(content, offset) {
  const node = document.createTextNode(content);
  places.set(node, unitsFrom(offset, content.length));
  return node;
}

const unitsFrom = (offset, length) => Array.from({ length }, (_, index) => offset + index);

// What is wider than the column scrolls by itself, by keys as well.
function scrollable(wide) {
  const outer = wide.tagName === "TABLE" ? make("div", "table") : wide;
  if (outer !== wide) {
    wide.replaceWith(outer);
    outer.append(wide);
  }
  outer.tabIndex = 0;
}

// Numbers come in the order of the source, those in code as text. They are found first, because they must be exact, and the
// words between two of them after that.
function locate(outer, { start, raw }) {
  const walker = document.createTreeWalker(outer, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  const written = [...raw.matchAll(MARKER)];
  const numbers = [];
  const words = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE && node.parentNode.dataset?.n === undefined) {
      words.push({ node, after: numbers.length });
      for (const [, n] of node.data.matchAll(MARKER)) next(written, n);
    } else if (node.dataset?.n !== undefined) {
      const found = next(written, node.dataset.n);
      if (found) numbers.push({ node, n: Number(node.dataset.n), offset: start + found.index });
    }
  }
  let cursor = 0;
  for (const { node, after } of words) {
    const before = numbers[after - 1];
    if (before) cursor = Math.max(cursor, before.offset - start + String(before.n).length + 2);
    cursor = align(node, { raw, start, cursor, limit: numbers[after] ? numbers[after].offset - start : raw.length });
  }
  return numbers;
}

function next(written, n) {
  while (written.length) {
    const found = written.shift();
    if (Number(found[1]) === Number(n)) return found;
  }
  return null;
}

// Gives every unit of a text node its offset: the source has the same units in the same order, with markup between them.
function align(node, { raw, start, cursor, limit }) {
  const { data } = node;
  if (!data.trim()) return cursor;
  const whole = raw.indexOf(data, cursor);
  if (whole >= 0 && whole - cursor <= MARKUP_CHARS && whole + data.length <= limit) {
    places.set(node, unitsFrom(start + whole, data.length));
    return whole + data.length;
  }
  let from = cursor;
  const offsets = [];
  for (let index = 0; index < data.length; index += 1) {
    const found = raw.indexOf(data[index], from);
    if (found >= 0 && found < limit && (found - from <= MARKUP_CHARS || index === 0)) from = found + 1;
    offsets.push(start + Math.max(from - 1, 0));
  }
  places.set(node, offsets);
  return from;
}

// A footnote number never begins a line: it is held together with the word before it and the stop after it.
function hold(node, made) {
  let before = node.previousSibling;
  if (before?.nodeType === Node.TEXT_NODE && !before.data.trim()) {
    before.remove();
    before = node.previousSibling;
  }
  const span = before?.className === "held" ? before : make("span", "held");
  if (before?.nodeType === Node.TEXT_NODE) {
    const word = before.data.trimEnd();
    if (word.length < before.length) cut(before, word.length).remove();
    span.append(cut(before, word.length - (LAST_WORD.exec(word)?.[0].length ?? 0)));
  }
  if (span === before) node.remove();
  else node.replaceWith(span);
  span.append(made);
  const stop = span.nextSibling;
  const closing = stop?.nodeType === Node.TEXT_NODE ? (CLOSING.exec(stop.data)?.[0].length ?? 0) : 0;
  if (!closing) return;
  cut(stop, closing);
  span.append(stop);
}

// Cuts a text node in two and gives the second; at its begin, that is the node itself.
function cut(node, index) {
  if (index === 0 || index >= node.length) return node;
  const rest = node.splitText(index);
  const offsets = places.get(node);
  if (offsets) {
    places.set(node, offsets.slice(0, index));
    places.set(rest, offsets.slice(index));
  }
  return rest;
}
