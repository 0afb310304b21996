// What can be done with an answer: copy it with its sources, ask again, say whether it helped, see what it cost.

import { say } from "./announcer.js";
import { toClipboard } from "./clipboard.js";
import { button, iconButton, make, PATHS } from "./dom.js";
import { linkTo } from "./place.js";
import { sendFeedback } from "./server.js";
import { placeOf, titleOf } from "./source.js";
import { count, language, words } from "./words.js";

const NOTE_CHARS_MAX = 2000;
const MICROS = 1_000_000;

/** The row of actions of a turn that is over. `again` asks its question once more. */
export function actions(turn, { again }) {
  const outer = make("div", "actions");
  const row = outer.appendChild(make("div", "row"));
  if (turn.answer?.content) row.append(button(words.copy, "plain", () => copy(turn)));
  if (again) row.append(button(words.retry, "plain retry", again));
  if (turn.isLogged && turn.answer?.content) outer.append(...thumbs(turn, row));
  const told = details(turn);
  if (told) row.append(told);
  return outer;
}

async function copy(turn) {
  say((await toClipboard(withCitations(turn))) ? words.copied : words.copyFailed);
}

/** The answer as Markdown with its sources below, each with its place, its words and its permalink. */
export function withCitations({ threadId, answer }) {
  const seen = new Set();
  const notes = [...answer.citations].sort((a, b) => a.n - b.n).filter((citation) => {
    const key = `${citation.n} ${citation.location?.start} ${citation.location?.end}`;
    return seen.size < seen.add(key).size;
  });
  const lines = notes.map((citation) => {
    const place = [titleOf(citation), placeOf(citation), citation.source].filter(Boolean).join(", ");
    const quote = (citation.sourceContent ?? []).map(({ text }) => text).join("").replace(/\s+/g, " ").trim();
    return [`[${citation.n}] ${place}`, quote && `    “${quote}”`, `    ${linkTo({ thread: threadId, citation: citation.id })}`].filter(Boolean).join("\n");
  });
  return [answer.content.trim(), ...(lines.length ? [lines.join("\n")] : [])].join("\n\n");
}

function thumbs(turn, row) {
  const form = make("form", "note-form");
  form.hidden = true;
  const pair = [true, false].map((helpful) =>
    iconButton(helpful ? PATHS.helpful : PATHS.unhelpful, helpful ? words.helpful : words.unhelpful, { name: "thumb", press: () => rate(helpful) }),
  );
  const area = make("textarea");
  area.maxLength = NOTE_CHARS_MAX;
  area.rows = 2;
  const label = make("label", "", words.note);
  label.append(area);
  const save = make("button", "plain", words.noteSave);
  const told = make("p", "told");
  told.setAttribute("role", "status");
  form.append(label, save, button(words.noteClose, "plain", close));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({ helpful: turn.feedback.helpful, note: area.value.trim() }).then((done) => done && close());
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  const show = () => pair.forEach((each, index) => each.setAttribute("aria-pressed", String(turn.feedback?.helpful === (index === 0))));
  show();
  row.append(...pair);
  return [form, told];

  function close() {
    form.hidden = true;
    pair[turn.feedback?.helpful ? 0 : 1].focus();
  }

  async function rate(helpful) {
    // A thumb that is pressed once more is taken back.
    if (turn.feedback?.helpful === helpful && form.hidden) return send(null);
    if (!(await send({ helpful, note: turn.feedback?.note ?? "" }))) return;
    area.value = turn.feedback.note;
    form.hidden = false;
    area.focus();
  }

  async function send(feedback) {
    try {
      await sendFeedback(turn.runId, feedback);
    } catch (error) {
      told.textContent = error instanceof TypeError ? words.unreachable : error.message;
      return false;
    }
    turn.feedback = feedback;
    told.textContent = feedback ? words.noted : words.takenBack;
    show();
    return true;
  }
}

function details({ summary, startedAtMs, finishedAtMs }) {
  if (!summary?.model) return null;
  const { model, tokensIn, tokensOut, costMicros, steps = [], tools = [] } = summary;
  const seconds = steps.length ? steps.reduce((sum, { took_ms: took }) => sum + took, 0) : finishedAtMs - startedAtMs;
  const outer = make("details", "cost");
  outer.append(make("summary", "", [model, duration(seconds)].filter(Boolean).join(" · ")));
  const list = make("dl");
  const entry = (name, value) => value && list.append(make("dt", "", name), make("dd", "", value));
  entry(words.model, model);
  if (tokensIn !== undefined && tokensIn !== null) entry(words.tokens, words.tokensOf(count(tokensIn), count(tokensOut ?? 0)));
  if (costMicros !== undefined && costMicros !== null) entry(words.cost, money(costMicros));
  for (const { name, took_ms: took } of steps) entry(words.stepNames[name] ?? name, duration(took));
  entry(words.tools, tools.join(", "));
  outer.append(list);
  return outer;
}

function duration(ms) {
  if (!Number.isFinite(ms)) return "";
  const [unit, value, digits] = ms < 1000 ? ["millisecond", ms, 0] : ["second", ms / 1000, 1];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);
}

const money = (micros) =>
  new Intl.NumberFormat(language, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 6 }).format(micros / MICROS);
