// One question and its answer on the page: the steps, the prose with its numbers, the notes, and what can be done with it.

import { actions } from "./actions.js";
import { citesOf, cite } from "./cites.js";
import { make, redraw } from "./dom.js";
import { notes } from "./notes.js";
import { render } from "./prose.js";
import { nearestPassages, steps } from "./steps.js";
import { languageOf, words } from "./words.js";

const HALF_MARKER = /\s?\[\d{0,3}$/;
const PARTS = ["steps", "prose", "sources", "notice", "nearest", "after"];

/** Makes the article of a turn; `update` brings it to what the turn has become, and `openCitation` opens one of its sources. */
export function article(turn, { again }) {
  const root = make("article", "turn");
  const question = make("h2", "question", turn.question);
  question.lang = languageOf(turn.question);
  const parts = Object.fromEntries(PARTS.map((name) => [name, make("div", name)]));
  root.append(question, ...Object.values(parts));
  root.dataset.run = turn.runId;
  const update = (last) => {
    root.setAttribute("aria-busy", String(turn.state === "running"));
    steps(parts.steps, turn);
    if (turn.answer) answer(parts, turn);
    notice(parts.notice, turn);
    nearestPassages(parts.nearest, turn);
    after(parts.after, turn, { last, again });
  };
  const openCitation = (id) => {
    const citation = turn.answer?.citations.find((each) => each.id === id);
    if (citation) cite(turn, { citation, prose: parts.prose });
    return Boolean(citation);
  };
  return { root, update, openCitation };
}

function answer({ prose, sources }, turn) {
  const { content } = turn.answer;
  prose.lang = languageOf(content);
  render(prose, turn.state === "running" ? content.replace(HALF_MARKER, "") : content, citesOf(turn, prose));
  notes(sources, turn, prose);
}

function notice(root, turn) {
  const lines = noticesOf(turn);
  redraw(root, JSON.stringify(lines), () =>
    lines.map(([kind, line]) => {
      const made = make("p", kind, line);
      if (kind === "error") made.setAttribute("role", "alert");
      return made;
    }),
  );
}

function noticesOf(turn) {
  const lines = [];
  if (turn.withheld) lines.push(["withheld", words.withheld(turn.withheld)]);
  if (turn.state === "failed") lines.push(["error", words.runErrors[turn.code] ?? turn.error ?? words.failedWithout]);
  if (turn.state === "stopped") lines.push(["stopped", turn.answer?.content ? words.stopped : words.stoppedEarly]);
  if (turn.state === "done" && turn.grounded === false) lines.push(["ungrounded", words.ungrounded]);
  return lines;
}

function after(root, turn, { last, again }) {
  const over = turn.state !== "running";
  const signature = over ? `${turn.state} ${last} ${turn.summary?.model ?? ""}` : "";
  redraw(root, signature, () => (over ? [actions(turn, { again: last ? again : null })] : []));
}

/** What a listener is told when the answer is there: the answer without its marks, and how many sources it has. */
export function spoken(turn) {
  if (turn.state !== "done" || !turn.answer) return "";
  if (turn.grounded === false) return words.ungrounded;
  const numbers = new Set(turn.answer.citations.map(({ n }) => n));
  const prose = turn.answer.content.replace(/\s?\[\d{1,3}\]|\*\*|`|^#+ /gm, "");
  return `${prose} ${words.answerReady(numbers.size)}`;
}
