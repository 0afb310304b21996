// One question and its answer on the page: the search, the prose with its footnote numbers, and the notes below.

import { render, rangeOf } from "./prose.js";
import { open, placeOf, titleOf } from "./source.js";
import { whyButton } from "./why.js";
import { languageOf, words } from "./words.js";

const HALF_MARKER = /\s?\[\d{0,3}$/;
const SENTENCE = "ibid-sentence";
const SIGHT_PX = 24;

/** Makes the article of a turn; `update` brings it to what the turn has become. */
export function article(turn, { retry }) {
  const root = make("article", "turn");
  const question = make("h2", "question", turn.question.content);
  question.lang = languageOf(turn.question.content);
  const parts = { steps: make("div", "steps"), answers: make("div", "answers"), notice: make("div", "notice") };
  root.append(question, parts.steps, parts.answers, parts.notice);
  return { root, update: (changed, last) => update(root, parts, changed, { retry, last }) };
}

function update(root, parts, turn, { retry, last }) {
  root.setAttribute("aria-busy", String(turn.state === "running"));
  steps(parts.steps, turn);
  answers(parts.answers, turn);
  notice(parts.notice, turn, last ? retry : null);
}

function steps(root, turn) {
  const wanted = turn.searches.map((search) => stepOf(search, turn.state === "running"));
  if (turn.state === "running" && !turn.searches.length) wanted.push({ key: "wait", line: words.searching, busy: true });
  const idle = turn.searches.every((search) => search.passages || search.failed);
  if (turn.state === "running" && turn.searches.length && idle && !turn.answers.some((answer) => answer.content)) {
    wanted.push({ key: "write", line: words.writing, busy: true });
  }
  const signature = JSON.stringify(wanted.map(({ key, line, busy }) => [key, line, busy]));
  if (root.dataset.shown === signature) return;
  root.dataset.shown = signature;
  root.replaceChildren(...wanted.map(step));
}

function stepOf(search, busy) {
  const key = search.id;
  if (search.failed || (!search.passages && !busy)) return { key, line: words.searchFailed };
  if (!search.passages) return { key, line: search.query ? words.searchingFor(search.query) : words.searching, busy };
  return { key, line: words.searched(search.query ?? "", search.passages.length), query: search.query, passages: search.passages };
}

function step({ line, busy, query, passages }) {
  if (!passages?.length) return make("p", busy ? "step busy" : "step", line);
  const outer = make("details", "step");
  outer.append(make("summary", "", line));
  const list = make("ol", "passages");
  for (const passage of passages) {
    const item = make("li");
    item.value = passage.n;
    item.append(make("cite", "", passage.title || passage.uri || words.untitled), make("span", "snippet", passage.snippet ?? ""));
    list.append(item);
  }
  outer.append(list);
  if (query) outer.append(whyButton({ query, passages }));
  return outer;
}

function answers(root, turn) {
  turn.answers.forEach((answer, index) => {
    const shown = root.children[index] ?? root.appendChild(answerShell());
    const [prose, notes] = shown.children;
    const finished = turn.state !== "running";
    prose.lang = languageOf(answer.content);
    render(prose, finished ? answer.content : answer.content.replace(HALF_MARKER, ""), (n, offset) => marker(answer, { n, offset, prose }));
    sources(notes, answer, prose);
  });
  while (root.children.length > turn.answers.length) root.lastChild.remove();
}

function answerShell() {
  const shell = make("div", "answer");
  shell.append(make("div", "prose"), make("section", "sources"));
  return shell;
}

const citationsOf = (answer) => answer.metadata?.citations ?? [];

function marker(answer, { n, offset, prose }) {
  const citation = nearest(answer, n, offset);
  if (!citation) return null;
  const button = make("button", "cite", String(n));
  button.type = "button";
  button.dataset.n = n;
  button.title = titleOf(citation);
  button.setAttribute("aria-label", words.openSource(n, titleOf(citation)));
  button.setAttribute("aria-controls", "source");
  button.addEventListener("click", () => cite(button, nearest(answer, n, offset), prose));
  return button;
}

// One passage may carry several sentences, each with a span of its own; the number means the sentence it stands at.
function nearest(answer, n, offset) {
  const same = citationsOf(answer).filter((citation) => citation.n === n && citation.location);
  const away = ({ start = offset, end = offset }) => Math.max(start - offset, offset - end, 0);
  return same.reduce((best, each) => (best && away(best) <= away(each) ? best : each), null);
}

function cite(button, citation, prose) {
  const sentence = rangeOf(prose, citation.start ?? 0, citation.end ?? 0);
  open(citation, () => {
    button.removeAttribute("aria-current");
    globalThis.CSS?.highlights?.delete(SENTENCE);
    const panelHadFocus = document.activeElement === document.body || document.getElementById("source").contains(document.activeElement);
    if (panelHadFocus && button.isConnected) button.focus({ preventScroll: true });
  });
  button.setAttribute("aria-current", "true");
  if (sentence && globalThis.Highlight) CSS.highlights.set(SENTENCE, new Highlight(sentence));
  keepInSight(button);
}

// On a narrow screen the panel takes the lower half, where the pressed number may have been.
function keepInSight(button) {
  requestAnimationFrame(() => {
    const thread = document.getElementById("thread");
    const box = thread.getBoundingClientRect();
    const place = button.getBoundingClientRect();
    const inSight = place.top > box.top + SIGHT_PX && place.bottom < box.bottom - SIGHT_PX;
    if (!inSight) thread.scrollTop += place.top - box.top - box.height / 2;
  });
}

function sources(root, answer, prose) {
  const cited = [...new Map(citationsOf(answer).map((citation) => [citation.n, citation])).values()].sort((a, b) => a.n - b.n);
  const signature = cited.map(({ n, id }) => `${n} ${id}`).join("\n");
  if (root.dataset.shown === signature) return;
  root.dataset.shown = signature;
  root.replaceChildren();
  root.setAttribute("aria-label", words.sources);
  if (!cited.length) return;
  const list = make("ol");
  cited.forEach((citation, index) => list.append(footnote(citation, { previous: cited[index - 1], prose })));
  root.append(list);
}

function footnote(citation, { previous, prose }) {
  const item = make("li");
  const button = make("button", "footnote");
  const again = previous && previous.documentId === citation.documentId;
  const title = make("cite", "", again ? "Ibid." : titleOf(citation));
  title.lang = again ? "la" : languageOf(titleOf(citation));
  const place = placeOf(citation);
  const samePlace = again && place === placeOf(previous);
  button.type = "button";
  button.dataset.n = citation.n;
  button.title = titleOf(citation);
  button.setAttribute("aria-label", [words.openSource(citation.n, titleOf(citation)), place].filter(Boolean).join(", "));
  button.append(make("span", "number", String(citation.n)), body(title, samePlace ? "" : place, again ? "" : citation.source));
  button.addEventListener("click", () => cite(button, citation, prose));
  item.append(button);
  return item;
}

function body(title, place, uri) {
  const outer = make("span", "note");
  outer.append(title);
  if (place) outer.append(make("span", "place", place));
  if (uri) outer.append(make("span", "uri", uri));
  return outer;
}

function notice(root, turn, retry) {
  const [line, kind] = noticeOf(turn);
  const signature = `${kind ?? ""} ${line ?? ""} ${Boolean(retry)}`;
  if (root.dataset.shown === signature) return;
  root.dataset.shown = signature;
  root.replaceChildren();
  if (!line) return;
  const outer = make("p", kind, line);
  if (kind === "error") outer.setAttribute("role", "alert");
  root.append(outer);
  if (kind === "ungrounded" || !retry) return;
  const again = make("button", "retry", words.retry);
  again.type = "button";
  again.addEventListener("click", retry);
  root.append(again);
}

function noticeOf(turn) {
  if (turn.state === "failed") return [turn.error, "error"];
  if (turn.state === "stopped") return [turn.answers.some((answer) => answer.content) ? words.stopped : words.stoppedEarly, "stopped"];
  if (turn.state === "done" && turn.grounded === false) return [words.ungrounded, "ungrounded"];
  return [];
}

/** What a listener is told when the answer is there: the answer without its marks, and how many sources it has. */
export function spoken(turn) {
  if (turn.state !== "done") return "";
  if (turn.grounded === false) return words.ungrounded;
  const numbers = new Set(turn.answers.flatMap((answer) => citationsOf(answer).map((citation) => citation.n)));
  const prose = turn.answers.map((answer) => answer.content.replace(/\s?\[\d{1,3}\]|\*\*|`/g, "")).join(" ");
  return `${prose} ${words.answerReady(numbers.size)}`;
}

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
