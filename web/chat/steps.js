// What a run did before it wrote: how a follow-up was read, what was searched, and why these passages came.

import { button, make, redraw } from "./dom.js";
import { explained } from "./server.js";
import { whyButton } from "./why.js";
import { languageOf, words } from "./words.js";

/** Brings `root` to show the steps of a turn. */
export function steps(root, turn) {
  const running = turn.state === "running";
  const wanted = [];
  if (turn.rewritten) wanted.push({ key: "rewritten", line: words.rewritten(turn.rewritten.query), rewritten: turn.rewritten });
  wanted.push(...turn.searches.map((search) => stepOf(search, running)));
  if (running && !turn.searches.length) wanted.push({ key: "wait", line: words.searching, busy: true });
  const idle = turn.searches.every((search) => search.passages || search.failed);
  if (running && turn.searches.length && idle && !turn.answer?.content) wanted.push({ key: "write", line: words.writing, busy: true });
  if (running && turn.lost) wanted.push({ key: "lost", line: words.reconnecting, busy: true });
  redraw(root, JSON.stringify(wanted.map(({ key, line, busy }) => [key, line, busy])), () => wanted.map((each) => step(each, turn)));
}

function stepOf(search, running) {
  const key = search.id;
  const { query } = search;
  if (search.logged) return { key, line: words.searchedFor(query), query, passages: [] };
  if (search.failed || (!search.passages && !running)) return { key, line: words.searchFailed };
  if (!search.passages) return { key, line: query ? words.searchingFor(query) : words.searching, busy: true };
  return { key, line: words.searched(query ?? "", search.passages.length), query, passages: search.passages };
}

function step({ line, busy, query, passages, rewritten }, turn) {
  if (rewritten) return rewriting(line, rewritten);
  if (!query || !passages) return make("p", busy ? "step busy" : "step", line);
  const outer = make("details", "step");
  outer.append(make("summary", "", line));
  if (passages.length) outer.append(passageList(passages));
  outer.append(whyButton({ query, k: passages.length || undefined, filter: turn.filter }));
  return outer;
}

function rewriting(line, { by }) {
  const said = make("p", "step rewritten", line);
  said.lang = languageOf(line);
  if (by && words.rewrittenBy[by]) said.append(make("span", "by", words.rewrittenBy[by]));
  return said;
}

/** Passages as a numbered list. */
export function passageList(passages) {
  const list = make("ol", "passages");
  list.tabIndex = 0;
  list.setAttribute("aria-label", words.passages);
  for (const passage of passages) {
    const item = make("li");
    item.value = passage.n;
    const title = make("cite", "", passage.title || passage.uri || words.untitled);
    title.lang = languageOf(title.textContent);
    const snippet = make("span", "snippet", passage.snippet ?? "");
    snippet.lang = languageOf(snippet.textContent);
    item.append(title, snippet);
    list.append(item);
  }
  return list;
}

/** The nearest passages of an answer that found no support, open to be read, and never as its sources. */
export function nearestPassages(root, turn) {
  const abstained = turn.state === "done" && turn.grounded === false;
  const shown = abstained ? turn.nearest : [];
  const askable = abstained && !shown.length && turn.searches.some(({ logged }) => logged);
  redraw(root, JSON.stringify([shown.map(({ n, title }) => [n, title]), askable]), () => {
    if (shown.length) return [make("p", "label", words.nearest), passageList(shown)];
    return askable ? [button(words.nearestAsk, "plain", ({ currentTarget }) => askNearest(root, turn, currentTarget))] : [];
  });
}

const NEAREST_SHOWN = 5;

// The log keeps no passages; the same search brings what is nearest today.
async function askNearest(root, turn, pressed) {
  pressed.disabled = true;
  try {
    const { hits } = await explained(turn.searches[0].query, { k: NEAREST_SHOWN });
    const passages = hits.map(({ title, uri, text }, index) => ({ n: index + 1, title, uri, snippet: text }));
    root.replaceChildren(make("p", "label", words.nearest), passageList(passages));
  } catch (error) {
    pressed.disabled = false;
    root.append(make("p", "error", error.message));
  }
}
