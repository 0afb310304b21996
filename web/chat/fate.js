// What has become of a citation's words since the answer was written.

import { make } from "./dom.js";
import { citation as askCitation, Refused } from "./server.js";
import { languageOf, words } from "./words.js";

const NOT_FOUND = 404;

/**
 * Where the words of a citation stand today: `{ state, location, parts, isKnown }`. A citation that the server has not
 * logged stands where it stood.
 */
export async function foundToday(citation, signal) {
  try {
    const { today } = await askCitation(citation.id, signal);
    const { state, parts = [] } = today;
    return { state, parts, location: state === "same" ? citation.location : ofWire(today.location), isKnown: true };
  } catch (error) {
    if (error instanceof Refused && error.status === NOT_FOUND) return { state: "same", location: citation.location, isKnown: false };
    throw error;
  }
}

function ofWire(location) {
  if (!location) return null;
  const { start, end, page_first: pageFirst, page_last: pageLast, place } = location;
  return { start, end, pageFirst, pageLast, place };
}

/** What a reader is told of it: nothing when the words stand where they stood. */
export function fateNotes({ state, parts = [] }, citation) {
  if (state === "same") return [];
  const line = make("p", `note fate ${state}`, words.fates[state] ?? state);
  if (state === "moved" || state === "not_permitted") return [line];
  if (state === "edited" && parts.length) return [line, difference(parts)];
  return [line, was(citation)];
}

function was({ sourceContent = [] }) {
  const text = sourceContent.map((piece) => piece.text).join("");
  const made = make("blockquote", "", text);
  made.lang = languageOf(text);
  return made;
}

// Deleted and inserted words are said to a listener as well, because not every screen reader tells `del` from `ins`.
function difference(parts) {
  const made = make("blockquote", "difference");
  for (const { op, text } of parts) {
    if (op === "equal") {
      made.append(text);
      continue;
    }
    const changed = make(op === "insert" ? "ins" : "del");
    changed.append(make("span", "unseen", op === "insert" ? words.inserted : words.deleted), text);
    made.append(changed);
  }
  made.lang = languageOf(parts.map(({ text }) => text).join(""));
  return made;
}
