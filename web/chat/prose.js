// Answer text as elements: paragraphs, lists, code, bold and footnote numbers, each text node knowing its place.

const BLOCK = {
  fence: /^\s{0,3}```/,
  heading: /^#{1,6}\s+/,
  item: /^\s*(?:[-*•]|\d{1,3}[.)])\s+/,
  quote: /^>\s?/,
};
const INLINE = /`([^`\n]+)`|\*\*(\S(?:[^\n]*?\S)?)\*\*|\[(\d{1,3})\]/g;
const CLOSING = /^[.,;:!?…)\]”’"'。、！？]*/;
const LAST_WORD = /\S{1,24}$/;

/** Where each text node of a rendered answer begins in the answer, in UTF-16 units. */
const origin = new WeakMap();

/**
 * Brings `root` to show `text`, leaving every block that did not change as it is, so that focus and
 * selection survive streaming. `marker(n, offset)` makes the element of a `[n]`, or gives null to leave it text.
 */
export function render(root, text, marker) {
  const blocks = blocksOf(text);
  const known = root.blocks ?? [];
  let same = 0;
  while (same < blocks.length && same < known.length && equal(blocks[same], known[same], marker)) same += 1;
  while (root.childNodes.length > same) root.lastChild.remove();
  for (const block of blocks.slice(same)) {
    block.unmarked = 0;
    root.append(element(block, counting(marker, block)));
  }
  root.blocks = blocks.map((block, index) => (index < same ? known[index] : block));
}

/** The part of a rendered answer between two offsets of its text, as a DOM range; null when nothing is there. */
export function rangeOf(root, start, end) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let found = false;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const from = origin.get(node);
    if (from === undefined) continue;
    const to = from + node.length;
    if (to <= start || from >= end) continue;
    if (!found) range.setStart(node, Math.max(0, start - from));
    range.setEnd(node, Math.min(node.length, end - from));
    found = true;
  }
  return found ? range : null;
}

// A block is drawn again when its text grew, or when a number in it had no citation when it was drawn.
function equal(block, drawn) {
  return drawn.unmarked === 0 && block.kind === drawn.kind && block.start === drawn.start && block.raw === drawn.raw;
}

const counting = (marker, block) => (n, offset) => {
  const made = marker(n, offset);
  if (!made) block.unmarked += 1;
  return made;
};

function blocksOf(text) {
  const lines = linesOf(text);
  const blocks = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index];
    if (!line.text.trim()) {
      index += 1;
      continue;
    }
    const last = endOf(lines, index);
    const kind = kindOf(line.text);
    const taken = lines.slice(index, last);
    blocks.push({ kind, start: line.start, raw: taken.map((each) => each.text).join("\n"), lines: taken });
    index = last;
  }
  return blocks;
}

function linesOf(text) {
  let start = 0;
  return text.split("\n").map((line) => {
    const entry = { text: line, start };
    start += line.length + 1;
    return entry;
  });
}

const kindOf = (line) => Object.keys(BLOCK).find((kind) => BLOCK[kind].test(line)) ?? "paragraph";

function endOf(lines, first) {
  const kind = kindOf(lines[first].text);
  let index = first + 1;
  if (kind === "fence") {
    while (index < lines.length && !BLOCK.fence.test(lines[index].text)) index += 1;
    return Math.min(index + 1, lines.length);
  }
  if (kind === "heading") return index;
  while (index < lines.length && continues(kind, lines[index].text)) index += 1;
  return index;
}

function continues(kind, line) {
  if (!line.trim()) return false;
  const next = kindOf(line);
  return next === kind || (kind === "item" && next === "paragraph");
}

function element(block, marker) {
  switch (block.kind) {
    case "fence":
      return code(block);
    case "item":
      return list(block, marker);
    case "heading":
      return lined("p", block.lines, marker, BLOCK.heading, "heading");
    case "quote":
      return lined("blockquote", block.lines, marker, BLOCK.quote);
    default:
      return lined("p", block.lines, marker);
  }
}

function code(block) {
  const pre = document.createElement("pre");
  const inner = document.createElement("code");
  const body = block.lines.slice(1).filter((line, index, all) => index < all.length - 1 || !BLOCK.fence.test(line.text));
  if (body.length) inner.append(placed(body.map((line) => line.text).join("\n"), body[0].start));
  pre.append(inner);
  return pre;
}

function list(block, marker) {
  const ordered = /^\s*\d/.test(block.lines[0].text);
  const outer = document.createElement(ordered ? "ol" : "ul");
  if (ordered) outer.start = Number.parseInt(block.lines[0].text, 10);
  for (const line of block.lines) {
    const lead = BLOCK.item.exec(line.text);
    if (!lead) {
      outer.lastChild.append(document.createElement("br"));
      inline(outer.lastChild, line.text, line.start, marker);
      continue;
    }
    const item = document.createElement("li");
    inline(item, line.text.slice(lead[0].length), line.start + lead[0].length, marker);
    outer.append(item);
  }
  return outer;
}

function lined(tag, lines, marker, lead, name) {
  const outer = document.createElement(tag);
  if (name) outer.className = name;
  lines.forEach((line, index) => {
    if (index) outer.append(document.createElement("br"));
    const skipped = lead?.exec(line.text)?.[0].length ?? 0;
    inline(outer, line.text.slice(skipped), line.start + skipped, marker);
  });
  return outer;
}

function inline(parent, text, start, marker) {
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    const made = spanOf(match, start + match.index, marker);
    if (!made) continue;
    const before = { text: text.slice(done, match.index), start: start + done };
    done = match.index + match[0].length;
    if (made.classList.contains("cite")) {
      const stop = CLOSING.exec(text.slice(done))[0];
      hold(parent, before, [made, ...pieces({ text: stop, start: start + done })]);
      done += stop.length;
      continue;
    }
    parent.append(...pieces(before), made);
  }
  parent.append(...pieces({ text: text.slice(done), start: start + done }));
}

// A footnote number never begins a line: it is held together with the word before it and the stop after it.
function hold(parent, before, held) {
  const word = before.text.trimEnd();
  const cut = word.length - (LAST_WORD.exec(word)?.[0].length ?? 0);
  const last = parent.lastChild;
  if (!word && last?.className === "held") return last.append(...held);
  const span = document.createElement("span");
  span.className = "held";
  span.append(...pieces({ text: word.slice(cut), start: before.start + cut }), ...held);
  parent.append(...pieces({ text: word.slice(0, cut), start: before.start }), span);
}

const pieces = ({ text, start }) => (text ? [placed(text, start)] : []);

function spanOf([, plain, strong, number], offset, marker) {
  if (number !== undefined) return marker(Number(number), offset);
  if (plain !== undefined) {
    const made = document.createElement("code");
    made.append(placed(plain, offset + 1));
    return made;
  }
  const made = document.createElement("strong");
  inline(made, strong, offset + 2, marker);
  return made;
}

function placed(text, start) {
  const node = document.createTextNode(text);
  origin.set(node, start);
  return node;
}
