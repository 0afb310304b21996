// The conversation as data: what was asked, what the run told, and the history that the next run is shown.

import { newId } from "./agui.js";

const KEY = "ibid.conversation";

/** An empty conversation on a thread of its own. */
export const fresh = () => ({ threadId: newId("thread"), turns: [] });

/** The conversation of this browser tab, or an empty one. */
export function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (!kept?.threadId || !Array.isArray(kept.turns)) return fresh();
    for (const turn of kept.turns) if (turn.state === "running") turn.state = "stopped";
    return kept;
  } catch {
    return fresh();
  }
}

/** Keeps the conversation for this tab; one too long to keep still goes on in the page. */
export function keep(conversation) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(conversation));
  } catch {
    sessionStorage.removeItem(KEY);
  }
}

/** A question that has not been answered. */
export const asked = (content) => begun({ question: { id: newId("msg"), role: "user", content } });

/** The same question with nothing told yet. */
export const begun = ({ question }) => ({
  question,
  searches: [],
  answers: [],
  grounded: null,
  state: "running",
  error: null,
});

/** The messages up to and including the question of `turn`, with the ids and metadata they came with. */
export function history(conversation, turn) {
  const before = conversation.turns.slice(0, conversation.turns.indexOf(turn));
  const told = before.flatMap((each) => [each.question, ...each.answers.filter((answer) => answer.content)]);
  return [...told, turn.question];
}

/** Writes one event of the run into the turn. */
export function apply(turn, event) {
  TOLD[event.type]?.(turn, event);
}

const TOLD = {
  TOOL_CALL_START: (turn, { toolCallId, toolCallName }) =>
    turn.searches.push({ id: toolCallId, name: toolCallName, args: "", query: null, passages: null, failed: false }),
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
  TEXT_MESSAGE_START: (turn, { messageId, role, metadata }) => {
    if (answerOf(turn, messageId)) return;
    turn.answers.push({ id: messageId, role: role ?? "assistant", content: "" });
    merge(turn, messageId, metadata);
  },
  TEXT_MESSAGE_CONTENT: (turn, { messageId, delta, metadata }) => {
    const answer = answerOf(turn, messageId);
    if (!answer) return;
    answer.content += delta;
    merge(turn, messageId, metadata);
  },
  TEXT_MESSAGE_END: (turn, { messageId, metadata }) => merge(turn, messageId, metadata),
  CUSTOM: (turn, { name, value }) => {
    if (name === "ibid.citations" && typeof value?.grounded === "boolean") turn.grounded = value.grounded;
  },
  RUN_FINISHED: (turn, { outcome }) => {
    turn.state = outcome?.type === "cancelled" ? "stopped" : "done";
  },
  RUN_ERROR: (turn, { message }) => {
    turn.state = "failed";
    turn.error = message;
  },
};

const searchOf = (turn, id) => turn.searches.find((search) => search.id === id);

const answerOf = (turn, id) => turn.answers.find((answer) => answer.id === id);

function merge(turn, messageId, metadata) {
  const answer = answerOf(turn, messageId);
  if (answer && metadata) answer.metadata = { ...answer.metadata, ...metadata };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
