// The official AG-UI clients, of both generations that are in use, against a running server.
//
// node clients.mjs BASE_URL QUESTION EXPECT_SUBSTRING [QUESTION_WITHOUT_EVIDENCE]

import { documentText, load, markersIn, must, newId, script } from "./harness.mjs";

const GENERATIONS = { "1.0.0": "@ag-ui/client", "0.0.59": "ag-ui-client-0" };
const TERMINAL = ["RUN_FINISHED", "RUN_ERROR"];

const warnings = [];
console.warn = (...parts) => warnings.push(parts.map(String).join(" "));

await script("clients.mjs BASE_URL QUESTION EXPECT_SUBSTRING [QUESTION_WITHOUT_EVIDENCE]", 3, async (base, question, expected, unknown) => {
  const done = {};
  for (const [version, module] of Object.entries(GENERATIONS)) {
    const client = { version, HttpAgent: load(module).HttpAgent };
    done[version] = await conversation(client, { base, question, expected });
    if (unknown) await withoutEvidence(client, { base, unknown });
  }
  return { clients: done, without_evidence: Boolean(unknown) };
});

async function conversation(client, { base, question, expected }) {
  const agent = agentOf(client, base);
  const first = await ask(client, agent, question);
  const citations = await checkAnswer(client, { base, expected, run: first });

  const before = structuredClone(agent.messages);
  const second = await ask(client, agent, question);
  must(
    JSON.stringify(agent.messages.slice(0, before.length)) === JSON.stringify(before),
    `${client.version}: the second turn leaves the messages of the first as they were`,
  );
  await checkAnswer(client, { base, expected, run: second });
  const ids = agent.messages.map((message) => message.id);
  must(new Set(ids).size === ids.length, `${client.version}: message ids are unique in the thread`, ids);
  return { citations: citations.length, messages: agent.messages.length };
}

async function withoutEvidence(client, { base, unknown }) {
  const agent = agentOf(client, base);
  const run = await ask(client, agent, unknown);
  const answer = run.messages.at(-1);
  must(answer?.role === "assistant" && answer.content, `${client.version}: a question without evidence gets an answer`, run.messages);
  must(!markersIn(answer.content).length, `${client.version}: an answer without evidence has no markers`, answer.content);
  const told = citationsEvent(client, run);
  must(told.grounded === false, `${client.version}: an answer without evidence says grounded: false`, told);
  must(told.citations?.length === 0, `${client.version}: an answer without evidence has no citations`, told);
}

function agentOf({ HttpAgent }, base) {
  return new HttpAgent({ url: new URL("/api/agent", base).href, threadId: newId("thread") });
}

async function ask({ version }, agent, question) {
  const seen = agent.messages.length;
  const events = [];
  agent.addMessage({ id: newId("msg"), role: "user", content: question });
  await agent.runAgent({ runId: newId("run") }, { onEvent: ({ event }) => void events.push(event) });
  const warned = warnings.filter((line) => line.includes("[ag-ui]"));
  must(!warned.length, `${version}: the client has nothing to warn of`, warned);
  const terminal = events.filter((event) => TERMINAL.includes(event.type));
  must(terminal.length === 1, `${version}: a run has exactly one terminal event`, terminal);
  must(terminal[0].type === "RUN_FINISHED", `${version}: the run finishes`, terminal[0]);
  must(events.at(-1) === terminal[0], `${version}: nothing follows the terminal event`, events.at(-1));
  return { events, messages: agent.messages.slice(seen) };
}

async function checkAnswer(client, { base, expected, run }) {
  const { version } = client;
  const passages = checkSearch(client, run);
  const answer = run.messages.at(-1);
  must(answer.role === "assistant" && typeof answer.content === "string", `${version}: the last message is the answer`, answer);
  must(answer.content.includes(expected), `${version}: the answer contains ${expected}`, answer.content);
  must(answer.content.includes("[1]"), `${version}: the answer carries [1]`, answer.content);
  const citations = answer.metadata?.citations;
  must(Array.isArray(citations) && citations.length, `${version}: the answer has metadata.citations`, answer);
  for (const citation of citations) await checkCitation(client, { base, answer, passages, citation });
  const cited = new Set(citations.map((citation) => citation.n));
  const loose = markersIn(answer.content).filter((n) => !cited.has(n));
  must(!loose.length, `${version}: every marker has a citation`, loose);
  const told = citationsEvent(client, run);
  must(told.messageId === answer.id, `${version}: ibid.citations names the answer`, told.messageId);
  must(JSON.stringify(told.citations) === JSON.stringify(citations), `${version}: ibid.citations carries the same list`, told.citations);
  must(told.grounded === true, `${version}: a cited answer is grounded`, told.grounded);
  return citations;
}

function checkSearch({ version }, { messages }) {
  const call = messages.find((message) => message.role === "assistant" && message.toolCalls?.length);
  must(call, `${version}: the messages hold the tool call`, messages.map((message) => message.role));
  must(call.toolCalls[0].function.name === "search", `${version}: the tool is search`, call.toolCalls);
  must(typeof JSON.parse(call.toolCalls[0].function.arguments).query === "string", `${version}: the call names its query`, call.toolCalls);
  must(call.id !== messages.at(-1).id, `${version}: call and answer are two messages`, call.id);
  const result = messages.find((message) => message.role === "tool" && message.toolCallId === call.toolCalls[0].id);
  must(typeof result?.content === "string", `${version}: the tool result is a string`, result);
  const { passages } = JSON.parse(result.content);
  must(Array.isArray(passages) && passages.length, `${version}: the tool result lists passages`, result.content);
  return passages;
}

async function checkCitation({ version }, { base, answer, passages, citation }) {
  const { n, id, chunkId, documentId, start, end, textOffset, sourceContent, location, verdict, reason, reasonCode, judge } = citation;
  const text = answer.content;
  must(text.includes(`[${n}]`), `${version}: citation ${n} is used in the answer`, text);
  must(passages.some((passage) => passage.n === n && passage.id === chunkId), `${version}: citation ${n} was retrieved in this run`, citation);
  must(/^cit_[0-9a-f]{24}$/.test(id), `${version}: citation ${n} has a name of its own`, citation);
  must(["supported", "partial", "unsupported"].includes(verdict) && reason && reasonCode && judge, `${version}: citation ${n} was judged`, citation);
  must(0 <= start && start < end && end <= text.length, `${version}: citation ${n} covers a part of the answer`, citation);
  must(0 <= textOffset && textOffset <= text.length, `${version}: citation ${n} has an offset in the answer`, citation);
  must(!/[\udc00-\udfff]/.test(text[start]), `${version}: citation ${n} does not cut a character`, citation);
  must(location?.type === "span" && location.unit === "bytes", `${version}: citation ${n} has a span in bytes`, location);
  const quoted = sourceContent.map((piece) => piece.text).join("");
  must(Buffer.byteLength(quoted) === location.end - location.start, `${version}: citation ${n} is as long as its span`, citation);
  const source = await documentText(base, documentId, location);
  must(source.text === quoted, `${version}: citation ${n} stands in its source`, { source: source.text, quoted });
  must(source.start === location.start && source.end === location.end, `${version}: the span of citation ${n} keeps to characters`, source);
}

function citationsEvent({ version }, { events }) {
  const told = events.filter((event) => event.type === "CUSTOM" && event.name === "ibid.citations");
  must(told.length === 1, `${version}: a run says ibid.citations once`, told.length);
  return told[0].value;
}
