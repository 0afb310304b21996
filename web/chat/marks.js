// What became of a citation's check: a mark with a shape of its own, a word, and a reason.

import { icon, make, PATHS } from "./dom.js";
import { words } from "./words.js";

const VERDICTS = ["supported", "partial", "unsupported"];

/** The verdict of a citation, or null when it has none that is known. */
export const verdictOf = ({ verdict }) => (VERDICTS.includes(verdict) ? verdict : null);

/** The verdict in a word or two. */
export const verdictWord = (verdict) => words.verdicts[verdict] ?? "";

/** Why, in the reader's language where the reason has a code that we know, and else as the server said it. */
export const reasonOf = ({ reasonCode, reason }) => words.reasons[reasonCode] ?? reason ?? "";

/** The mark alone. */
export const mark = (verdict) => icon(PATHS[verdict], `mark ${verdict}`);

/** The mark, its word and its reason in a line. */
export function verdictLine(citation, name = "verdict") {
  const verdict = verdictOf(citation);
  const line = make("span", name);
  if (!verdict) return line;
  line.append(mark(verdict), make("span", "word", verdictWord(verdict)));
  const reason = reasonOf(citation);
  if (reason) line.append(make("span", "reason", reason));
  return line;
}

/** The verdicts and reasons of several citations, each once, the worst first. */
export function verdictLines(citations) {
  const told = new Map(citations.filter(verdictOf).map((citation) => [`${verdictOf(citation)} ${reasonOf(citation)}`, citation]));
  const rank = (citation) => VERDICTS.indexOf(verdictOf(citation));
  return [...told.values()].sort((a, b) => rank(b) - rank(a)).map((citation) => verdictLine(citation));
}
