// The footnotes of an answer: a line for each source, with what its checks said.

import { button, make, redraw } from "./dom.js";
import { verdictLines } from "./marks.js";
import { cite } from "./cites.js";
import { placeOf, titleOf } from "./source.js";
import { tellSince } from "./since.js";
import { languageOf, words } from "./words.js";

/** Brings `root` to list the sources of the turn's answer. */
export function notes(root, turn, prose) {
  const grouped = groups(turn.answer.citations);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", words.sources);
  redraw(root, JSON.stringify(grouped.map((group) => group.map(({ id, verdict }) => [id, verdict]))), () => {
    if (!grouped.length) return [];
    const list = make("ol");
    list.append(...grouped.map((group, index) => footnote(turn, { group, previous: grouped[index - 1]?.[0], prose })));
    return [list];
  });
}

function groups(citations) {
  const byNumber = new Map();
  for (const citation of citations) byNumber.set(citation.n, [...(byNumber.get(citation.n) ?? []), citation]);
  return [...byNumber].sort(([a], [b]) => a - b).map(([, group]) => group);
}

function footnote(turn, { group, previous, prose }) {
  const [citation] = group;
  const item = make("li");
  const again = previous && previous.documentId === citation.documentId;
  const title = make("cite", "", again ? "Ibid." : titleOf(citation));
  title.lang = again ? "la" : languageOf(titleOf(citation));
  const place = placeOf(citation);
  const samePlace = again && place === placeOf(previous);
  const made = button("", "footnote", () => cite(turn, { citation, prose, pressed: made }));
  made.dataset.n = citation.n;
  const note = make("span", "note");
  note.append(title);
  if (place && !samePlace) note.append(make("span", "place", place));
  if (!again && citation.source) note.append(make("span", "uri", citation.source));
  note.append(...verdictLines(group));
  made.append(make("span", "number", String(citation.n)), note);
  if (turn.isOld) tellSince(note, group);
  item.append(made);
  return item;
}
