// The wire: one AG-UI run as a sequence of events, and the reading calls of the page.

const PROTOCOL_VERSION = "1.0";
const TERMINAL = new Set(["RUN_FINISHED", "RUN_ERROR"]);

/** What the server said went wrong, with the code it gave. */
export class ServerError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The stream ended without a terminal event. */
export class EndedEarly extends Error {}

/** Starts a run and yields its events in order; the last one is RUN_FINISHED or RUN_ERROR. */
export async function* run({ threadId, messages, signal }) {
  const input = {
    threadId,
    runId: crypto.randomUUID?.() ?? fallbackId(),
    messages,
    tools: [],
    context: [],
    state: {},
    forwardedProps: {},
    protocolVersion: PROTOCOL_VERSION,
  };
  const response = await fetch(new URL("../api/agent", document.baseURI), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(input),
    signal,
  });
  if (!response.ok || !response.body) throw await refusal(response);
  for await (const event of events(response.body)) {
    yield event;
    if (TERMINAL.has(event.type)) return;
  }
  throw new EndedEarly();
}

/** What the service holds and whether it is still indexing. */
export const status = (signal) => read(new URL("../v1/status", document.baseURI), signal);

/** The text of a document between two byte offsets; the server snaps them to characters. */
export function documentText(documentId, { start, end }, signal) {
  const url = new URL(`../v1/documents/${encodeURIComponent(documentId)}/text`, document.baseURI);
  url.searchParams.set("start", start);
  url.searchParams.set("end", end);
  return read(url, signal);
}

/** The search for a question as an answer makes it, with what explains its hits. */
export async function explained(query, k) {
  const response = await fetch(new URL("../v1/search", document.baseURI), {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ query, k, plain: true, explain: true }),
  });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

/** An id that no other message or thread has. */
export const newId = (kind) => `${kind}_${crypto.randomUUID?.() ?? fallbackId()}`;

// `randomUUID` exists only in a secure context, and a service on a local network is served over plain HTTP.
function fallbackId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function read(url, signal) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? `HTTP ${response.status} ${response.statusText}`.trim();
  return new ServerError(body?.error?.code ?? `http_${response.status}`, message);
}

async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(broken);
      buffer += decoder.decode(value, { stream: !done });
      const frames = buffer.split(/\r?\n\r?\n/);
      buffer = frames.pop();
      for (const frame of frames) yield* eventOf(frame);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// The browser reports a stream that broke off as a TypeError; an abort stays what it is.
function broken(error) {
  throw error instanceof TypeError ? new EndedEarly() : error;
}

function* eventOf(frame) {
  const data = frame
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""));
  if (data.length) yield JSON.parse(data.join("\n"));
}
