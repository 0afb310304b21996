// The chat page in a real Chromium: a question asked, an answer streamed, a citation opened and checked, and all else that
// a reader does with it.
//
// IBID_TEST_CHROMIUM=/path/to/chromium node page.mjs BASE_URL QUESTION EXPECT_SUBSTRING SCREENSHOT_FOLDER

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { accessible, ask, contented, DESKTOP, fits, launched, opened, PHONE, WAIT_MS, ZOOMED } from "./browser.mjs";
import { documentText, eventsOf, must, script } from "./harness.mjs";
import { keyboard } from "./page-keyboard.mjs";
import { library } from "./page-library.mjs";
import { told } from "./page-told.mjs";
import { threads } from "./page-threads.mjs";

await script("page.mjs BASE_URL QUESTION EXPECT_SUBSTRING SCREENSHOT_FOLDER", 4, async (base, question, expected, folder) => {
  mkdirSync(folder, { recursive: true });
  const browser = await launched();
  try {
    const given = { base, question, expected, shot: (name) => join(folder, `${name}.png`) };
    const desktop = await reader(browser, { ...given, name: "desktop", options: DESKTOP });
    await reader(browser, { ...given, name: "phone", options: PHONE });
    await reader(browser, { ...given, name: "zoomed", options: ZOOMED });
    await threads(browser, given);
    await library(browser, given);
    await keyboard(browser, given);
    await told(browser, { ...given, citation: desktop.citations[0] });
    const endpoints = await documentation(browser, given);
    return { citations: desktop.citations.length, endpoints, screenshots: folder };
  } finally {
    await browser.close();
  }
});

async function reader(browser, { base, question, expected, shot, name, options }) {
  const { page, complaints } = await opened(browser, { base, options, scripts: [keepStream] });
  await page.goto(base);
  must(new URL(page.url()).pathname === "/chat/", `${name}: the root leads to the chat page`, page.url());
  await page.screenshot({ path: shot(`${name}-welcome`) });
  await accessible(page, `${name}, welcome`);

  await composing(page, name);
  await ask(page, question);
  const events = eventsOf(await page.evaluate(() => globalThis.streamed));
  await page.waitForFunction((wanted) => document.querySelector(".prose")?.textContent.includes(wanted), expected, { timeout: WAIT_MS });
  must(await page.locator(".step").first().isVisible(), `${name}: the search is a visible step`);
  const citations = events.find((event) => event.type === "TEXT_MESSAGE_END").metadata.citations;
  const numbers = new Set(citations.map((citation) => citation.n));
  must((await page.locator(".footnote").count()) === numbers.size, `${name}: every source is listed under the answer`, [...numbers]);
  await marked(page, { name, citations });
  await announced(page, { name, expected });
  await page.screenshot({ path: shot(`${name}-answer`) });
  await accessible(page, `${name}, answer`);

  await explained(page, { name, shot });
  await openFirst(page, { base, name, citations });
  await page.screenshot({ path: shot(`${name}-source`) });
  await accessible(page, `${name}, source`);
  await closed(page, name);
  await fits(page, name);
  await contented(page, complaints, { name });
  return { citations };
}

// Runs in the page: keeps a copy of the stream, because the page itself stops reading at the terminal event.
function keepStream() {
  const original = globalThis.fetch;
  globalThis.fetch = async (...given) => {
    const response = await original(...given);
    if (response.url.endsWith("/api/agent")) globalThis.streamed = response.clone().text();
    return response;
  };
}

// Enter that ends a syllable belongs to the input method and must not send the question.
async function composing(page, name) {
  await page.fill("#question", "한글");
  await page.evaluate(() => {
    const key = { key: "Enter", bubbles: true, cancelable: true, isComposing: true };
    document.getElementById("question").dispatchEvent(new KeyboardEvent("keydown", key));
  });
  must((await page.locator("article.turn").count()) === 0, `${name}: Enter while composing does not send`);
  must((await page.inputValue("#question")) === "한글", `${name}: Enter while composing keeps the question`);
}

// Each number says what its check found, in a shape and in words.
async function marked(page, { name, citations }) {
  const shown = await page.locator(".prose button.cite").evaluateAll((all) =>
    all.map((each) => ({ n: Number(each.dataset.n), id: each.dataset.id, mark: each.querySelector("svg")?.classList[1], label: each.getAttribute("aria-label") })),
  );
  must(shown.length === citations.length, `${name}: every citation has its number in the answer`, { shown, citations });
  shown.forEach(({ n, id, mark, label }, index) => {
    const { n: wanted, id: known, verdict } = [...citations].sort((a, b) => a.textOffset - b.textOffset || a.start - b.start)[index];
    must(n === wanted && id === known, `${name}: the numbers stand in the order of the citations`, { n, id, wanted, known });
    must(mark === verdict, `${name}: number ${n} has the mark of its verdict`, { mark, verdict });
    must(label.includes(","), `${name}: number ${n} says its verdict`, label);
  });
}

async function announced(page, { name, expected }) {
  const said = await page.locator("#announcer").textContent();
  must(said.includes(expected) && !said.includes("[1]"), `${name}: a listener is told the answer without its marks`, said);
}

// What brought the passages is shown when somebody asks, a row for each of them.
async function explained(page, { name, shot }) {
  const step = page.locator("details.step").first();
  await step.locator("summary").click();
  const passages = await step.locator(".passages li").count();
  await step.locator(".why button").click();
  await step.locator(".why table").waitFor({ timeout: WAIT_MS });
  must((await step.locator(".why tr").count()) === passages + 1, `${name}: every passage has its reasons`, passages);
  must(/\d+ %/.test(await step.locator(".why").textContent()), `${name}: the weights are said`);
  await page.screenshot({ path: shot(`${name}-why`) });
  await accessible(page, `${name}, why`);
  await step.locator("summary").click();
}

async function openFirst(page, { base, name, citations }) {
  await page.locator(".prose button.cite[data-n='1']").first().click();
  const mark = page.locator("#source mark");
  await mark.waitFor({ timeout: WAIT_MS });
  const shown = await mark.textContent();
  const texts = [];
  for (const citation of citations.filter((each) => each.n === 1)) {
    const quoted = citation.sourceContent.map((piece) => piece.text).join("");
    const source = await documentText(base, citation.documentId, citation.location);
    must(source.text === quoted, `${name}: citation 1 stands in its source`, { source: source.text, quoted });
    texts.push(quoted);
  }
  must(texts.includes(shown), `${name}: what is marked is what was cited`, { shown, texts });
  const inside = await mark.evaluate((element) => {
    const box = document.getElementById("source-text").getBoundingClientRect();
    const place = element.getBoundingClientRect();
    return place.height > 0 && place.top >= box.top - 1 && place.top < box.bottom && place.top < innerHeight;
  });
  must(inside, `${name}: the mark is scrolled into view`);
  must((await page.locator("#source-title").textContent()).length > 0, `${name}: the source has a title`);
  must(await page.locator("#source-verdict .word").isVisible(), `${name}: the source says what its check found`);
  must(new URL(page.url()).hash.startsWith("#cit_"), `${name}: the address names the citation`, page.url());
}

async function closed(page, name) {
  await page.keyboard.press("Escape");
  must(await page.locator("#source").isHidden(), `${name}: Escape closes the source`);
  const focused = await page.evaluate(() => document.activeElement?.className);
  must(focused.startsWith("cite"), `${name}: the focus goes back to the number`, focused);
  must(new URL(page.url()).hash === "", `${name}: the address names no citation any more`, page.url());
}

async function documentation(browser, { base, shot }) {
  const { page, complaints } = await opened(browser, { base, options: DESKTOP });
  await page.goto(new URL("/docs", base).href);
  await page.waitForSelector(".endpoint", { timeout: WAIT_MS });
  const described = await (await fetch(new URL("/openapi.json", base))).json();
  const wanted = Object.values(described.paths).flatMap((item) => Object.keys(item).filter((key) => /^(get|post|put|patch|delete)$/.test(key)));
  const endpoints = await page.locator(".endpoint").count();
  must(endpoints === wanted.length, "docs: every endpoint is on the page", { endpoints, wanted: wanted.length });
  await page.screenshot({ path: shot("docs") });
  await fits(page, "docs");
  await contented(page, complaints, { name: "docs" });
  return endpoints;
}
