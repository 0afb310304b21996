// What the scripts share: where the modules are, how a promise is broken, and a reader of the raw stream.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.IBID_TEST_NODE_MODULES ?? join(here, "node_modules");

/** Loads a module from the folder in IBID_TEST_NODE_MODULES, or from beside the scripts. */
export const load = createRequire(join(dirname(modules), "harness.mjs"));

/** A check against a definition of the frozen schema 1.0. */
export function ajvOf(definition) {
  const Ajv2020 = load("ajv/dist/2020").default;
  const schema = JSON.parse(readFileSync(new URL("schema-1.0.json", import.meta.url), "utf8"));
  return new Ajv2020({ strict: false, validateFormats: false }).compile({ ...schema, $ref: `#/$defs/${definition}` });
}

/** A promise of the service that does not hold. */
export class Broken extends Error {}

/** Stops the script when a promise does not hold; `detail` is shown in full. */
export function must(holds, promise, detail) {
  if (holds) return;
  throw new Broken(detail === undefined ? promise : `${promise}: ${show(detail)}`);
}

const show = (detail) => (typeof detail === "string" ? detail : JSON.stringify(detail));

/** Runs a script to its one line of result, or to its first broken promise and exit code 1. */
export async function script(usage, argumentsMin, body) {
  const given = process.argv.slice(2);
  if (given.length < argumentsMin) end(2, `usage: ${usage}`);
  process.on("unhandledRejection", (error) => end(1, `unhandled rejection: ${error?.stack ?? error}`));
  try {
    console.log(JSON.stringify(await body(...given)));
  } catch (error) {
    end(1, error instanceof Broken ? `broken promise: ${error.message}` : (error?.stack ?? String(error)));
  }
  process.exit(0);
}

function end(code, line) {
  console.error(line);
  process.exit(code);
}

let made = 0;

/** An id that this process has not used. */
export const newId = (kind) => `${kind}-${process.pid}-${(made += 1)}`;

/** The input of a run with one question; `changes` replaces members, and `undefined` leaves one out. */
export function input(question, changes = {}) {
  return {
    threadId: newId("thread"),
    runId: newId("run"),
    messages: [{ id: newId("msg"), role: "user", content: question }],
    tools: [],
    context: [],
    state: {},
    forwardedProps: {},
    protocolVersion: "1.0",
    ...changes,
  };
}

/** Posts a body to the agent; a value that is not a string is sent as JSON. */
export function post(base, body, headers = {}) {
  return fetch(new URL("/api/agent", base), {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Reads a response to its end: the raw text, whole and in the pieces it came in, the events, and how long the end lagged. */
export async function drain(response) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const pieces = [];
  let lastRead = performance.now();
  for await (const chunk of response.body) {
    pieces.push(decoder.decode(chunk, { stream: true }));
    lastRead = performance.now();
  }
  const lag_ms = performance.now() - lastRead;
  const text = pieces.join("") + decoder.decode();
  return { text, pieces, lag_ms, events: eventsOf(text) };
}

/** The events of a stream whose every frame is one `data:` line or comment lines. */
export function eventsOf(text) {
  must(text.endsWith("\n\n"), "the stream ends with a whole frame", text.slice(-80));
  const frames = text.slice(0, -2).split("\n\n");
  return frames.filter((frame) => !isComment(frame)).map((frame) => {
    must(/^data: \{.*\}$/.test(frame), "every frame is `data: {json}` on one line, or a comment", frame.slice(0, 200));
    return JSON.parse(frame.slice("data: ".length));
  });
}

const isComment = (frame) => frame.split("\n").every((line) => line.startsWith(":"));

/** The numbers of the `[n]` in an answer, each once, in order. */
export function markersIn(text) {
  return [...new Set([...text.matchAll(/\[(\d{1,3})\]/g)].map((match) => Number(match[1])))];
}

/** The text of a document between two byte offsets, as the service has it. */
export async function documentText(base, documentId, { start, end }) {
  const url = new URL(`/v1/documents/${encodeURIComponent(documentId)}/text?start=${start}&end=${end}`, base);
  const response = await fetch(url);
  must(response.status === 200, `GET ${url.pathname}${url.search} answers 200`, `${response.status} ${await response.clone().text()}`);
  return response.json();
}
