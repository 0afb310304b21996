// The conversation as data: what was asked, and what the run or the server's log told of it.

import { newId } from "./agui.js";

/** An empty conversation on a thread of its own. */
export const fresh = () => ({ threadId: newId("thread"), title: "", turns: [] });

/** The conversation that the server keeps. */
export const logged = ({ id, title, turns_list = [] }) => ({ threadId: id, title, turns: turns_list.map((row) => ofLog(row, id)) });

/** A question that has not been answered. */
export const asked = (question, threadId) => ({
  runId: newId("run"),
  threadId,
  question,
  state: "running",
  lost: false,
  isLost: false,
  rewritten: null,
  searches: [],
  answer: null,
  grounded: null,
  withheld: 0,
  nearest: [],
  summary: null,
  feedback: null,
  error: null,
  code: null,
  startedAtMs: Date.now(),
  finishedAtMs: null,
  isLogged: false,
  isOld: false,
});

const STATES = { running: "running", finished: "done", failed: "failed", cancelled: "stopped" };

/** A turn as the server logged it. */
export function ofLog(row, threadId) {
  const { run_id: runId, question, search_query: query, answer, citations = [], grounded, withheld = 0, feedback } = row;
  const turn = { ...asked(question, threadId), runId, state: STATES[row.state] ?? "failed", grounded: grounded ?? null, withheld, feedback: feedback ?? null };
  if (query && query !== question) turn.rewritten = { query };
  if (row.state !== "running") turn.searches = [{ id: `${runId}-search`, query: query ?? question, passages: null, logged: true }];
  if (answer) turn.answer = { id: `${runId}-answer`, content: answer, citations };
  turn.summary = {
    model: row.model,
    tokensIn: row.tokens_in,
    tokensOut: row.tokens_out,
    costMicros: row.cost_micros,
    steps: row.steps ?? [],
    tools: row.tools ?? [],
  };
  return { ...turn, code: row.error_code ?? null, startedAtMs: row.started_at_ms, finishedAtMs: row.finished_at_ms ?? null, isLogged: true, isOld: true };
}

/** Writes one event of the run into the turn. */
export function apply(turn, event) {
  TOLD[event.type]?.(turn, event);
}

const TOLD = {
  RUN_STARTED: (turn) => {
    turn.isLogged = true;
  },
  TOOL_CALL_START: (turn, { toolCallId }) => turn.searches.push({ id: toolCallId, args: "", query: null, passages: null, failed: false }),
  TOOL_CALL_ARGS: (turn, { toolCallId, delta }) => {
    const search = searchOf(turn, toolCallId);
    if (!search) return;
    search.args += delta;
    search.query = parsed(search.args)?.query ?? search.query;
  },
  TOOL_CALL_RESULT: (turn, { toolCallId, content }) => {
    const search = searchOf(turn, toolCallId);
    if (!search) return;
    const result = parsed(content);
    search.query = result?.query ?? search.query;
    search.passages = Array.isArray(result?.passages) ? result.passages : null;
    search.failed = search.passages === null;
  },
  TEXT_MESSAGE_START: (turn, { messageId, metadata }) => {
    turn.answer ??= { id: messageId, content: "", citations: [] };
    cite(turn, messageId, metadata);
  },
  TEXT_MESSAGE_CONTENT: (turn, { messageId, delta, metadata }) => {
    if (turn.answer?.id !== messageId) return;
    turn.answer.content += delta;
    cite(turn, messageId, metadata);
  },
  TEXT_MESSAGE_END: (turn, { messageId, metadata }) => {
    cite(turn, messageId, metadata);
    if (typeof metadata?.["ibid.grounded"] === "boolean") turn.grounded = metadata["ibid.grounded"];
    turn.withheld = metadata?.["ibid.withheld"] ?? turn.withheld;
  },
  CUSTOM: (turn, { name, value }) => {
    if (name === "ibid.rewritten" && value?.query) turn.rewritten = { query: value.query, by: value.by };
    if (name !== "ibid.citations" || !value) return;
    if (typeof value.grounded === "boolean") turn.grounded = value.grounded;
    turn.withheld = value.withheld ?? turn.withheld;
    turn.nearest = value.nearest ?? turn.nearest;
  },
  RUN_FINISHED: (turn, { outcome, result }) => {
    turn.state = outcome?.type === "cancelled" ? "stopped" : "done";
    turn.finishedAtMs = Date.now();
    turn.summary = result ?? null;
  },
  RUN_ERROR: (turn, { code, message }) => {
    turn.state = code === "cancelled" ? "stopped" : "failed";
    turn.finishedAtMs = Date.now();
    turn.error = message;
    turn.code = code ?? null;
  },
};

const searchOf = (turn, id) => turn.searches.find((search) => search.id === id);

function cite(turn, messageId, metadata) {
  if (turn.answer?.id === messageId && metadata?.citations) turn.answer.citations = metadata.citations;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
