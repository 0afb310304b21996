// The wire: one AG-UI run as a sequence of events, picked up again where a connection broke.

import { Refused, refusal } from "./server.js";

const PROTOCOL_VERSION = "1.0";
const TERMINAL = new Set(["RUN_FINISHED", "RUN_ERROR"]);
/** How long to wait before each new try to reach a run whose connection broke; then it is given up. */
const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15_000];

/** The stream ended without a terminal event, and could not be picked up. */
export class EndedEarly extends Error {}

/**
 * Asks a question and yields the run's events in order; the last one is RUN_FINISHED or RUN_ERROR. The server keeps the
 * thread, so only the new message is sent. `onBreak` hears when the connection is lost and when it is back.
 */
export async function* ask({ threadId, runId, content, props, signal, onBreak }) {
  const input = {
    threadId,
    runId,
    messages: [{ id: newId("msg"), role: "user", content }],
    tools: [],
    context: [],
    state: {},
    forwardedProps: { on_disconnect: "continue", ...props },
    protocolVersion: PROTOCOL_VERSION,
  };
  const response = await fetch(new URL("../api/agent", document.baseURI), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(input),
    signal,
  });
  if (!response.ok || !response.body) throw await refusal(response);
  yield* whole(response, { runId, signal, onBreak });
}

/** The events of a run that is under way elsewhere, or was, from its first on. */
export async function* follow({ runId, signal, onBreak }) {
  yield* whole(await resumed(runId, 0, signal), { runId, signal, onBreak });
}

// The n-th event of a run is its n-th data frame, so counting them says where to go on.
async function* whole(first, { runId, signal, onBreak }) {
  let response = first;
  let seen = 0;
  let tries = 0;
  for (;;) {
    try {
      for await (const { number, event } of frames(response.body)) {
        if (number !== null && number <= seen) continue;
        seen = number ?? seen + 1;
        if (tries) onBreak?.(false);
        tries = 0;
        yield event;
        if (TERMINAL.has(event.type)) return;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    response = null;
    while (!response) {
      if (signal?.aborted) throw signal.reason;
      if (tries >= PAUSES_MS.length) throw new EndedEarly();
      onBreak?.(true);
      await pause(PAUSES_MS[tries], signal);
      tries += 1;
      response = await resumed(runId, seen, signal).catch(unreached);
    }
  }
}

// What the server refuses is an answer; only a server that cannot be reached is asked again.
function unreached(error) {
  if (error instanceof Refused && error.status < 500) throw error;
  if (error instanceof Refused || error instanceof TypeError) return null;
  throw error;
}

async function resumed(runId, after, signal) {
  const url = new URL(`../v1/runs/${encodeURIComponent(runId)}/events`, document.baseURI);
  url.searchParams.set("after", after);
  const response = await fetch(url, { headers: { Accept: "text/event-stream" }, signal });
  if (!response.ok || !response.body) throw await refusal(response);
  return response;
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** An id that no other message, run or thread has. */
export const newId = (kind) => `${kind}_${crypto.randomUUID?.() ?? fallbackId()}`;

// `randomUUID` exists only in a secure context, and a service on a local network is served over plain HTTP.
function fallbackId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function* frames(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      buffer += decoder.decode(value, { stream: !done });
      const whole = buffer.split(/\r?\n\r?\n/);
      buffer = whole.pop();
      for (const frame of whole) yield* eventOf(frame);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function* eventOf(frame) {
  const lines = frame.split(/\r?\n/);
  const field = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const data = field("data");
  const number = Number.parseInt(field("id")[0], 10);
  if (data.length) yield { number: Number.isNaN(number) ? null : number, event: JSON.parse(data.join("\n")) };
}
