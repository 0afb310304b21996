// The bytes of a run, against the frozen AG-UI 1.0 schema and the rules that no schema says.
//
// node wire.mjs BASE_URL QUESTION

import { request } from "node:http";

import { ajvOf, drain, input, must, newId, post, script } from "./harness.mjs";

const LAG_MAX_MS = 500;
const TOO_LARGE_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
const STREAM_ONLY_ONE_DOT_OH = ["SUBAGENT_STARTED", "SUBAGENT_FINISHED", "SUBAGENT_ERROR"];

const valid = ajvOf("Event");

await script("wire.mjs BASE_URL QUESTION", 2, async (base, question) => {
  const shape = await stream(base, input(question));
  await legacy(base, question);
  for (const [name, body, headers] of lenient(question)) await accepted(base, { name, body, headers });
  for (const [name, messages] of Object.entries(silent())) await defined(base, { name, body: input("", { messages }) });
  for (const [name, statuses, body, headers] of rejected(question)) {
    await refused({ name, statuses, response: await post(base, body, headers) });
  }
  await refused({ name: "GET", statuses: [405], response: await fetch(new URL("/api/agent", base)) });
  await tooLarge(base);
  return { events: shape.events.length, reads: shape.pieces.length, lenient: lenient("").length, rejected: rejected("").length + 2 };
});

async function stream(base, body) {
  const response = await post(base, body);
  must(response.status === 200, "a run answers 200", `${response.status} ${response.status === 200 ? "" : await response.text()}`);
  checkHeaders(response.headers);
  const read = await drain(response);
  must(!read.text.includes("\r"), "the stream has no carriage return");
  must(read.pieces.length >= 2, "the stream comes in at least two reads", read.pieces.length);
  const buffered = read.pieces.some((piece) => piece.includes('"RUN_STARTED"') && piece.includes('"RUN_FINISHED"'));
  must(!buffered, "the start of a run is sent before its end is known");
  must(read.lag_ms < LAG_MAX_MS, `the body closes within ${LAG_MAX_MS} ms of its last frame`, read.lag_ms);
  checkEvents(read.events, body);
  return read;
}

function checkHeaders(headers) {
  must(headers.get("content-type")?.split(";")[0].trim() === "text/event-stream", "the content type is text/event-stream", headers.get("content-type"));
  const cache = headers.get("cache-control") ?? "";
  must(cache.includes("no-cache") && cache.includes("no-transform"), "cache-control is no-cache, no-transform", cache);
  must(headers.get("x-accel-buffering") === "no", "x-accel-buffering is no", headers.get("x-accel-buffering"));
  must(!headers.get("content-encoding"), "the stream is not compressed", headers.get("content-encoding"));
}

function checkEvents(events, { threadId, runId }) {
  for (const event of events) {
    must(valid(event), "every event is valid under schema 1.0", { event, errors: valid.errors?.slice(0, 3) });
    must(!holdsNull(event), "no member is null", event);
  }
  const [first, last] = [events[0], events.at(-1)];
  must(first.type === "RUN_STARTED", "the first event is RUN_STARTED", first);
  must(first.threadId === threadId && first.runId === runId, "RUN_STARTED echoes the ids", first);
  must(first.protocolVersion === "1.0", "RUN_STARTED declares protocol version 1.0", first);
  const terminal = events.filter((event) => ["RUN_FINISHED", "RUN_ERROR"].includes(event.type));
  must(terminal.length === 1 && terminal[0] === last, "exactly one terminal event, and it is the last", terminal);
  must(last.type === "RUN_FINISHED", "the run finishes", last);
  must(last.threadId === threadId && last.runId === runId, "RUN_FINISHED echoes the ids", last);
  checkIds(events);
  checkClosed(events);
  checkCitations(events);
}

function holdsNull(value) {
  return value === null || (typeof value === "object" && Object.values(value).some(holdsNull));
}

function checkIds(events) {
  const opened = events.flatMap((event) => {
    if (event.type === "TEXT_MESSAGE_START" || event.type === "TOOL_CALL_RESULT") return [event.messageId];
    if (event.type === "TOOL_CALL_START") return [event.toolCallId, event.parentMessageId].filter(Boolean);
    return [];
  });
  must(new Set(opened).size === opened.length, "ids of messages and calls are unique in the run", opened);
  must(!events.some((event) => event.type.endsWith("_CHUNK")), "no chunk events");
}

function checkClosed(events) {
  const open = new Set();
  for (const event of events) {
    const [, kind, edge] = /^(STEP|TEXT_MESSAGE|TOOL_CALL)_(START(?:ED)?|END|FINISHED|CONTENT|ARGS)$/.exec(event.type) ?? [];
    if (!kind) continue;
    const key = `${kind} ${event.stepName ?? event.toolCallId ?? event.messageId}`;
    const opens = edge.startsWith("START");
    must(open.has(key) !== opens, "what is opened was not open, and what is told of or closed was", event);
    if (opens) open.add(key);
    if (edge === "END" || edge === "FINISHED") open.delete(key);
  }
  must(!open.size, "everything opened is closed", [...open]);
}

function checkCitations(events) {
  const end = events.findIndex((event) => event.type === "TEXT_MESSAGE_END");
  const told = events.findIndex((event) => event.type === "CUSTOM" && event.name === "ibid.citations");
  must(end >= 0 && told > end, "ibid.citations follows the end of the answer", { end, told });
  const list = events[end].metadata?.citations;
  must(Array.isArray(list), "the end of the answer carries metadata.citations", events[end]);
  must(JSON.stringify(events[told].value.citations) === JSON.stringify(list), "ibid.citations carries the same list", events[told]);
  for (const { n } of list) {
    const text = events.findIndex((event) => event.type === "TEXT_MESSAGE_CONTENT" && event.metadata?.citations?.some((each) => each.n === n));
    must(text >= 0 && text < end, `a content delta carries citation ${n}`, list);
  }
}

async function legacy(base, question) {
  const body = input(question, { protocolVersion: undefined });
  const { events } = await drain(await post(base, body));
  checkEvents(events, body);
  for (const event of events) {
    must(!event.outcome || event.outcome.type === "interrupt", "a client of before 1.0 sees no outcome", event);
    must(!JSON.stringify(event).includes("pendingToolCallIds"), "a client of before 1.0 sees no pendingToolCallIds", event);
    must(event.type !== "TOOL_CALL_RESULT" || typeof event.content === "string", "the tool result is a string", event);
    must(!STREAM_ONLY_ONE_DOT_OH.includes(event.type), "a client of before 1.0 sees no subagents", event);
  }
}

function lenient(question) {
  const user = (content, more = {}) => [{ id: newId("msg"), role: "user", content, ...more }];
  const part = { type: "text", text: question };
  const only = (threadId, runId) => ({ ...threadId, ...runId, messages: user(question) });
  return [
    ["the required members alone", only({ threadId: newId("thread") }, { runId: newId("run") })],
    ["snake_case ids", only({ thread_id: newId("thread") }, { run_id: newId("run") })],
    ["state: null", input(question, { state: null })],
    ["forwardedProps: null", input(question, { forwardedProps: null })],
    ["tool parameters: null", input(question, { tools: [{ name: "theirs", description: "", parameters: null }] })],
    ["resume of an unknown interrupt, payload: null", input(question, { resume: [{ interruptId: "gone", status: "resolved", payload: null }] })],
    ["unknown members", input(question, { data: { x: 1 }, messages: user(question, { createdAt: "now" }) })],
    ["text parts", input(question, { messages: user([part]) })],
    ["part metadata: null and unknown members", input(question, { messages: user([{ ...part, metadata: null, colour: "red" }]) })],
    ["an unknown part", input(question, { messages: user([{ type: "hologram", data: {} }, part]) })],
    ["a retired binary part", input(question, { messages: user([{ type: "binary", mimeType: "image/png", data: "AA==" }, part]) })],
    ["assistant content: null", input(question, { messages: [...told(), ...user(question)] })],
    ["context entries", input(question, { context: [{ description: "page", value: "help" }] })],
    ["system and developer messages", input(question, { messages: [{ id: newId("msg"), role: "system", content: "Be brief." }, { id: newId("msg"), role: "developer", content: "Be kind." }, ...user(question)] })],
    ["a newer minor version", input(question, { protocolVersion: "1.7" })],
    ["a version that is none", input(question, { protocolVersion: "latest" })],
    ["any content accepted", input(question), { accept: "*/*" }],
    ["protobuf accepted", input(question), { accept: "application/vnd.ag-ui.event+proto" }],
    ["a charset", input(question), { "content-type": "application/json; charset=utf-8" }],
  ];
}

function told() {
  const toolCallId = newId("call");
  const call = { id: toolCallId, type: "function", function: { name: "search", arguments: "{\"query\":\"before\"}" } };
  return [
    { id: newId("msg"), role: "user", content: "before" },
    { id: newId("msg"), role: "assistant", content: null, toolCalls: [call] },
    { id: newId("msg"), role: "tool", toolCallId, content: "{\"query\":\"before\",\"passages\":[]}" },
    { id: newId("msg"), role: "assistant", content: "Nothing.", metadata: { citations: [] } },
  ];
}

async function accepted(base, { name, body, headers }) {
  const response = await post(base, body, headers);
  must(response.status === 200, `${name}: accepted`, `${response.status} ${response.status === 200 ? "" : await response.text()}`);
  checkHeaders(response.headers);
  const { events } = await drain(response);
  checkEvents(events, { threadId: body.threadId ?? body.thread_id, runId: body.runId ?? body.run_id });
}

function silent() {
  const hello = (role) => ({ id: newId("msg"), role, content: "hello" });
  return { "no messages": [], "the assistant spoke last": [hello("user"), hello("assistant")] };
}

// Both a refusal and a run are a defined result; what must not happen is a stream without an end.
async function defined(base, { name, body }) {
  const response = await post(base, body);
  if (response.status !== 200) return refused({ name, statuses: [400, 422], response });
  const { events } = await drain(response);
  must(["RUN_FINISHED", "RUN_ERROR"].includes(events.at(-1)?.type), `${name}: the run ends`, events.at(-1));
}

function rejected(question) {
  const bad = [400, 422];
  const without = (name) => input(question, { [name]: undefined });
  return [
    ["no threadId", bad, without("threadId")],
    ["no runId", bad, without("runId")],
    ["no messages", bad, without("messages")],
    ["a numeric threadId", bad, input(question, { threadId: 7 })],
    ["a numeric runId", bad, input(question, { runId: 7 })],
    ["messages that are no list", bad, input(question, { messages: {} })],
    ["tools that are no list", bad, input(question, { tools: "all" })],
    ["an unknown role", bad, input(question, { messages: [{ id: "m", role: "wizard", content: question }] })],
    ["numeric content", bad, input(question, { messages: [{ id: "m", role: "user", content: 7 }] })],
    ["a body that is a list", bad, "[]"],
    ["a body that is not JSON", bad, "{\"threadId\":"],
    ["an empty body", bad, ""],
    ["plain text", [415], JSON.stringify(input(question)), { "content-type": "text/plain" }],
  ];
}

async function refused({ name, statuses, response }) {
  const text = await response.text();
  must(statuses.includes(response.status), `${name}: answered with ${statuses.join(" or ")}`, `${response.status} ${text.slice(0, 300)}`);
  must(response.headers.get("content-type")?.startsWith("application/json"), `${name}: the refusal is application/json`, response.headers.get("content-type"));
  const { error } = JSON.parse(text);
  must(typeof error?.code === "string" && /^[a-z][a-z0-9_]*$/.test(error.code), `${name}: the refusal has a code`, text);
  must(typeof error.message === "string" && error.message, `${name}: the refusal has a message`, text);
}

// A server may answer and close while the body is still being sent, which `fetch` reports as a failure.
async function tooLarge(base) {
  const { status, headers, text } = await new Promise((resolve, reject) => {
    const outgoing = request(new URL("/api/agent", base), {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": TOO_LARGE_BYTES },
    });
    let answered = false;
    outgoing.on("response", (incoming) => {
      answered = true;
      const pieces = [];
      const finish = () => resolve({ status: incoming.statusCode, headers: new Headers({ "content-type": incoming.headers["content-type"] ?? "" }), text: Buffer.concat(pieces).toString() });
      incoming.on("data", (piece) => pieces.push(piece)).on("end", finish).on("error", finish);
    });
    outgoing.on("error", (error) => !answered && reject(new Error(`too large: no answer, ${error.message}`)));
    pour(outgoing, () => answered);
  });
  await refused({ name: "too large", statuses: [413], response: { status, headers, text: async () => text } });
}

function pour(outgoing, enough) {
  const piece = Buffer.alloc(PIECE_BYTES, " ");
  let left = TOO_LARGE_BYTES;
  const more = () => {
    while (left > 0 && !enough()) {
      left -= piece.length;
      if (!outgoing.write(piece)) return outgoing.once("drain", more);
    }
    if (enough()) outgoing.destroy();
    else outgoing.end();
  };
  more();
}
