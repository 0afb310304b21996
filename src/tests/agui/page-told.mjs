// What a run tells, as the page shows it: event by event, so that every turn a run can take is met, whatever model answers.

import { accessible, answered, contented, DESKTOP, fits, opened, PHONE } from "./browser.mjs";
import { must } from "./harness.mjs";

const NAME = "told";
const FIRST = "The tower is **236 metres** tall.[1]";
const SECOND = "It was opened in 1981.[1]";
const HOSTILE = [
  "Look <img src=//evil.example/a.png> ![x](http://evil.example/x.png) <script>globalThis.broken = true</script>",
  "[click](javascript:globalThis.broken=true) [site](https://evil.example/) <a href=\"data:text/html,x\">d</a> https://evil.example/auto",
  "<style>body { display: none }</style> <svg onload=\"globalThis.broken = true\"> <iframe src=//evil.example></iframe>",
  "[1]: https://evil.example/definition",
  "<https://evil.example/angle> <b onclick=\"globalThis.broken = true\">bold</b>",
].join("\n\n");

/** A reader of runs that this script tells. */
export async function told(browser, { base, shot, citation }) {
  const { page, complaints } = await opened(browser, { base, options: DESKTOP, scripts: [tellRuns] });
  await answering(page, base);
  await harmless(page);
  await page.screenshot({ path: shot("told-hostile") });
  await verdicts(page, { citation, shot });
  await steady(page, citation);
  await strictly(page, shot);
  await abstained(page, shot);
  await pickedUp(page);
  await stopped(page);
  await failedAndAgain(page, shot);
  await contented(page, complaints, { name: NAME });
  await onPhone(browser, { base, shot, citation });
}

// Runs in the page: a run is a stream that the script feeds; `again` is how the page picked it up.
function tellRuns() {
  const original = globalThis.fetch;
  const encoder = new TextEncoder();
  globalThis.runs = [];
  globalThis.fetch = async (target, options = {}) => {
    const url = new URL(target, location.href);
    const again = /\/v1\/runs\/[^/]+\/events$/.test(url.pathname);
    if (!again && !url.pathname.endsWith("/api/agent")) return original(target, options);
    const run = { after: url.searchParams.get("after"), body: options.body ? JSON.parse(options.body) : null };
    const body = new ReadableStream({ start: (controller) => (run.controller = controller) });
    options.signal?.addEventListener("abort", () => run.controller.error(options.signal.reason));
    run.say = (events) => events.forEach((event) => run.controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`)));
    globalThis.runs.push(run);
    return new Response(body, { status: 200, headers: { "content-type": "text/event-stream" } });
  };
}

// The server knows nothing of these runs: what the page would ask it about them is answered here.
async function answering(page, base) {
  page.cancelled = [];
  await page.route("**/v1/runs/*/cancel", (route) => {
    page.cancelled.push(route.request().url());
    return route.fulfill({ status: 202, json: {} });
  });
  await page.route("**/v1/citations/*", (route) => route.fulfill({ status: 200, json: { today: { state: "same" } } }));
  await page.goto(base);
}

const say = (page, ...events) => page.evaluate((told) => globalThis.runs.at(-1).say(told), events);

async function begin(page, question) {
  const index = await page.locator("article.turn").count();
  const runs = await page.evaluate(() => globalThis.runs.length);
  await page.fill("#question", question);
  await page.press("#question", "Enter");
  await page.waitForFunction((before) => globalThis.runs.length > before, runs);
  const { runId, threadId, ...body } = await page.evaluate(() => globalThis.runs.at(-1).body);
  await say(page, { type: "RUN_STARTED", threadId, runId }, ...searched(runId, question));
  return { index, runId, threadId, body, answer: `${runId}-answer` };
}

function searched(runId, query) {
  const toolCallId = `${runId}-search`;
  const passages = [{ n: 1, id: 1, title: "The tower", uri: "docs/tower.html", score: 0.5, snippet: "The tower in Seoul is 236 metres tall." }];
  return [
    { type: "TOOL_CALL_START", toolCallId, toolCallName: "search" },
    { type: "TOOL_CALL_ARGS", toolCallId, delta: JSON.stringify({ query }) },
    { type: "TOOL_CALL_END", toolCallId },
    { type: "TOOL_CALL_RESULT", messageId: `${runId}-result`, toolCallId, content: JSON.stringify({ query, passages }) },
  ];
}

const opening = ({ answer }) => ({ type: "TEXT_MESSAGE_START", messageId: answer, role: "assistant" });
const delta = ({ answer }, text, citations) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: answer, delta: text, ...(citations && { metadata: { citations } }) });

function ending(run, { citations = [], grounded = true, withheld = 0, nearest } = {}) {
  const result = { model: "a-model", tokensIn: 1200, tokensOut: 34, costMicros: 1500, steps: [{ name: "retrieve", took_ms: 40 }, { name: "generate", took_ms: 1960 }], tools: ["search"] };
  return [
    { type: "TEXT_MESSAGE_END", messageId: run.answer, metadata: { citations, "ibid.grounded": grounded, "ibid.withheld": withheld } },
    { type: "CUSTOM", name: "ibid.citations", value: { messageId: run.answer, citations, grounded, withheld, ...(nearest && { nearest }) } },
    { type: "RUN_FINISHED", threadId: run.threadId, runId: run.runId, result },
  ];
}

/** A citation of `sentence` in `text`, in the place of one that the server made. */
function cited(model, { text, sentence, verdict, reasonCode, from = 0 }) {
  const start = text.indexOf(sentence, from);
  const id = `cit_${start.toString(16).padStart(24, "0")}`;
  return { ...model, n: 1, id, start, end: start + sentence.length, textOffset: text.indexOf("[1]", start), verdict, reasonCode, reason: "" };
}

async function whole(page, question, { text, ...end }) {
  const run = await begin(page, question);
  await say(page, opening(run), delta(run, text), ...ending(run, end));
  return answered(page, run.index);
}

async function harmless(page) {
  const article = await whole(page, "hostile", { text: HOSTILE });
  const prose = article.locator(".prose");
  const words = await prose.textContent();
  for (const kept of ["<img src=//evil.example/a.png>", "![x](http://evil.example/x.png)", "click (javascript:", "site (https://evil.example/)", "<script>", "[1]: https://evil.example/definition"]) {
    must(words.includes(kept), `${NAME}: what a model writes as markup is read as text`, { kept, words });
  }
  const made = await prose.locator("img, script, style, svg, iframe, a, b, [onclick], [onload], [href], [src]").count();
  must(made === 0, `${NAME}: nothing is made of it`, await prose.innerHTML());
  must(!(await page.evaluate(() => globalThis.broken)), `${NAME}: nothing of it runs`);
}

async function verdicts(page, { citation, shot }) {
  const text = `## In short\n\n${FIRST} ${SECOND} **“1975년”**에 지었다.[1]\n\n- \`a[1]\` is code\n- 둘\n\n| a | b |\n|---|--:|\n| 1 | 2[1] |\n\n\`\`\`\nb[1]\n\`\`\``;
  const third = "**“1975년”**에 지었다.[1]";
  const citations = [
    cited(citation, { text, sentence: FIRST, verdict: "supported", reasonCode: "verbatim" }),
    cited(citation, { text, sentence: SECOND, verdict: "unsupported", reasonCode: "date_differs" }),
    cited(citation, { text, sentence: third, verdict: "partial", reasonCode: "missing_words" }),
    cited(citation, { text, sentence: "2[1]", verdict: "supported", reasonCode: "aligned" }),
  ];
  const article = await whole(page, "How tall is it?", { text, citations });
  const marks = await article.locator("button.cite svg").evaluateAll((all) => all.map((each) => each.classList[1]));
  must(marks.join() === "supported,unsupported,partial,supported", `${NAME}: the same number has a verdict at each place`, marks);
  must((await article.locator("code").allTextContents()).join() === "a[1],b[1]\n", `${NAME}: a number in code is text`);
  must((await article.locator("strong").allTextContents()).join() === "236 metres,“1975년”", `${NAME}: bold before a particle is bold`);
  const labels = await article.locator("button.cite").evaluateAll((all) => new Set(all.map((each) => each.getAttribute("aria-label"))).size);
  must(labels === 3, `${NAME}: a number says its verdict in words`, labels);
  for (const [index, words] of [[0, "The tower is 236 metres tall."], [1, "It was opened in 1981."], [2, "“1975년”에 지었다."]]) {
    await article.locator("button.cite").nth(index).click();
    await page.locator("#source mark").waitFor();
    const lit = await page.evaluate(() => [...CSS.highlights.get("ibid-sentence")].map((range) => {
      const copy = range.cloneContents();
      copy.querySelectorAll("button").forEach((each) => each.remove());
      return copy.textContent;
    }));
    must(lit.join() === words, `${NAME}: the sentence of a number is marked, and no more`, { lit, words });
  }
  await page.screenshot({ path: shot("told-verdicts") });
  await accessible(page, `${NAME}, verdicts`);
  await page.click("#source-previous");
  must((await page.locator("button.cite[aria-current]").count()) === 1, `${NAME}: one number is marked as open`);
  must((await page.locator("#source-verdict .mark.unsupported").count()) === 1, `${NAME}: the panel goes to the neighbour`);
  await page.keyboard.press("Escape");
  await article.locator(".cost summary").click();
  const cost = await article.locator(".cost").textContent();
  must(/a-model/.test(cost) && /1,200/.test(cost) && /0\.0015/.test(cost) && /2 sec/.test(cost), `${NAME}: what an answer cost is said`, cost);
}

// While more comes, what is there stays: the number in focus, and every block but the last.
async function steady(page, citation) {
  const run = await begin(page, "steady");
  const known = [cited(citation, { text: FIRST, sentence: FIRST, verdict: "supported", reasonCode: "verbatim" })];
  await say(page, opening(run), delta(run, `${FIRST}\n\nAnd`, known));
  const article = page.locator("article.turn").nth(run.index);
  await article.locator("button.cite").focus();
  await page.evaluate(() => (globalThis.block = [...document.querySelectorAll("article.turn")].at(-1).querySelector(".block")));
  await say(page, delta(run, " more.\n\nAnd"), delta(run, " still more ["), delta(run, "1"));
  await article.locator(".prose", { hasText: "still more" }).waitFor();
  must(!(await article.locator(".prose").textContent()).includes("["), `${NAME}: half a number is not shown`);
  const kept = await page.evaluate(() => globalThis.block.isConnected && document.activeElement.classList.contains("cite"));
  must(kept, `${NAME}: what was drawn stays, and the focus in it`);
  must((await article.getAttribute("aria-busy")) === "true" && (await page.locator("#stop").isVisible()), `${NAME}: a run that goes on can be stopped`);
  await say(page, delta(run, "]."), ...ending(run, { citations: known }));
  await answered(page, run.index);
}

async function strictly(page, shot) {
  await page.click("#scope-open");
  await page.check("#scope [name=verification][value=strict]");
  await page.click("#scope-done");
  const run = await begin(page, "And its height?");
  const { forwardedProps: props, messages } = run.body;
  must(props.verification === "strict" && props.on_disconnect === "continue", `${NAME}: the run is told how to check`, props);
  must(messages.length === 1, `${NAME}: only the new message is sent`, messages);
  await say(page, { type: "CUSTOM", name: "ibid.rewritten", value: { question: "And its height?", query: "How tall is the tower?", by: "rules" } });
  await say(page, opening(run), delta(run, "It is tall."), ...ending(run, { withheld: 2 }));
  const article = await answered(page, run.index);
  must((await article.locator(".rewritten").textContent()).includes("How tall is the tower?"), `${NAME}: a rewritten question is shown`);
  must(/^2 /.test(await article.locator(".withheld").textContent()), `${NAME}: withheld sentences are counted`);
  await page.screenshot({ path: shot("told-strict") });
  await page.click("#scope-open");
  await page.click("#scope-clear");
  await page.click("#scope-done");
}

async function abstained(page, shot) {
  const nearest = [{ n: 1, title: "The tower", uri: "docs/tower.html", document_id: "d", snippet: "It stands on a hill." }];
  const article = await whole(page, "Who won?", { text: "The documents do not say.", grounded: false, nearest });
  must((await article.locator(".nearest li").count()) === 1 && (await article.locator(".footnote").count()) === 0, `${NAME}: the nearest passages are shown, and not as sources`);
  must(await article.locator(".ungrounded").isVisible(), `${NAME}: an answer without a source says so`);
  await page.screenshot({ path: shot("told-abstained") });
  await accessible(page, `${NAME}, abstained`);
}

async function pickedUp(page) {
  const run = await begin(page, "broken");
  await say(page, opening(run), delta(run, "Half "));
  const article = page.locator("article.turn").nth(run.index);
  await article.locator(".prose", { hasText: "Half" }).waitFor();
  const seen = 7;
  const runs = await page.evaluate(() => globalThis.runs.length);
  await page.evaluate(() => globalThis.runs.at(-1).controller.error(new TypeError("network error")));
  await article.locator(".step.busy").waitFor();
  await page.waitForFunction((before) => globalThis.runs.length > before, runs);
  const after = await page.evaluate(() => globalThis.runs.at(-1).after);
  must(Number(after) === seen, `${NAME}: a broken run goes on after the events that were seen`, { after, seen });
  await say(page, delta(run, "and half."), ...ending(run));
  await answered(page, run.index);
  must((await article.locator(".prose").textContent()).trim() === "Half and half.", `${NAME}: an answer that was picked up is whole`);
}

async function stopped(page) {
  const run = await begin(page, "stopped");
  await say(page, opening(run), delta(run, "Begun"));
  await page.click("#stop");
  await page.waitForFunction(() => true);
  for (let tries = 0; tries < 50 && !page.cancelled.length; tries += 1) await page.waitForTimeout(20);
  must(page.cancelled.length === 1 && page.cancelled[0].includes(run.runId), `${NAME}: Stop asks the server`, page.cancelled);
  await say(page, { type: "TEXT_MESSAGE_END", messageId: run.answer }, { type: "RUN_FINISHED", threadId: run.threadId, runId: run.runId, outcome: { type: "cancelled" } });
  const article = await answered(page, run.index);
  must(await article.locator(".stopped").isVisible(), `${NAME}: an answer that was stopped says so`);
}

async function failedAndAgain(page, shot) {
  const run = await begin(page, "failing");
  await say(page, { type: "RUN_ERROR", code: "run_timeout", message: "it took too long" });
  const article = await answered(page, run.index);
  must((await article.locator(".error").textContent()).includes("too long"), `${NAME}: a failure says why`);
  await page.screenshot({ path: shot("told-failed") });
  const runs = await page.evaluate(() => globalThis.runs.length);
  await article.locator(".retry").click();
  await page.waitForFunction((before) => globalThis.runs.length > before, runs);
  const body = await page.evaluate(() => globalThis.runs.at(-1).body);
  must(body.runId === run.runId && body.threadId === run.threadId && body.messages[0].content === "failing", `${NAME}: the same run is asked for again`, body);
  await say(page, { type: "RUN_STARTED", threadId: run.threadId, runId: run.runId }, opening(run), delta(run, "Better."), ...ending(run));
  await answered(page, run.index);
  must((await page.locator("article.turn").count()) === run.index + 1, `${NAME}: the new answer takes the place of the failure`);
}

async function onPhone(browser, { base, shot, citation }) {
  const { page, complaints } = await opened(browser, { base, options: PHONE, scripts: [tellRuns] });
  await answering(page, base);
  const text = `${FIRST} ${SECOND}\n\n| 이름 | 높이 | 지은 해 | 있는 곳 | 아주 긴 이름의 열 |\n|---|--:|--:|---|---|\n| 남산서울타워 | 236 m | 1975 | 남산 | ${"아주긴낱말".repeat(12)} |\n\n\`${"x".repeat(90)}\``;
  const citations = [cited(citation, { text, sentence: FIRST, verdict: "supported", reasonCode: "verbatim" }), cited(citation, { text, sentence: SECOND, verdict: "partial", reasonCode: "missing_words" })];
  const article = await whole(page, "탑은 얼마나 높은가요?", { text, citations });
  must(await article.locator(".verdict", { hasText: "일부만" }).isVisible(), `${NAME}, phone: verdicts are in the reader's language`);
  await fits(page, `${NAME}, phone`);
  await page.screenshot({ path: shot("told-phone") });
  await accessible(page, `${NAME}, phone`);
  await contented(page, complaints, { name: `${NAME}, phone` });
}
