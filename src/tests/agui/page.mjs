// The chat page in a real Chromium: a question asked, an answer streamed, a citation opened and checked.
//
// IBID_TEST_CHROMIUM=/path/to/chromium node page.mjs BASE_URL QUESTION EXPECT_SUBSTRING SCREENSHOT_FOLDER

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { documentText, eventsOf, load, must, script } from "./harness.mjs";

const WAIT_MS = 60_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: "en-GB" };
const PHONE = { viewport: { width: 360, height: 740 }, locale: "ko-KR", hasTouch: true, colorScheme: "dark" };

await script("page.mjs BASE_URL QUESTION EXPECT_SUBSTRING SCREENSHOT_FOLDER", 4, async (base, question, expected, folder) => {
  mkdirSync(folder, { recursive: true });
  const browser = await load("playwright-core").chromium.launch({
    executablePath: process.env.IBID_TEST_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
  });
  try {
    const told = { base, question, expected, shot: (name) => join(folder, `${name}.png`) };
    const desktop = await reader(browser, { ...told, name: "desktop", options: DESKTOP });
    await reader(browser, { ...told, name: "phone", options: PHONE });
    const endpoints = await documentation(browser, told);
    return { citations: desktop.citations, endpoints, screenshots: folder };
  } finally {
    await browser.close();
  }
});

async function reader(browser, { base, question, expected, shot, name, options }) {
  const { page, complaints } = await opened(browser, { base, options });
  await page.goto(base);
  must(new URL(page.url()).pathname === "/chat/", `${name}: the root leads to the chat page`, page.url());
  await page.screenshot({ path: shot(`${name}-welcome`) });

  await composing(page, name);
  await page.fill("#question", question);
  await page.press("#question", "Enter");
  await page.waitForSelector("article.turn[aria-busy=false]", { timeout: WAIT_MS });
  const events = eventsOf(await page.evaluate(() => globalThis.streamed));
  await page.waitForFunction((wanted) => document.querySelector(".prose")?.textContent.includes(wanted), expected, { timeout: WAIT_MS });
  must(await page.locator(".step").first().isVisible(), `${name}: the search is a visible step`);
  const citations = events.find((event) => event.type === "TEXT_MESSAGE_END").metadata.citations;
  const numbers = new Set(citations.map((citation) => citation.n));
  must((await page.locator(".footnote").count()) === numbers.size, `${name}: every source is listed under the answer`, [...numbers]);
  await page.screenshot({ path: shot(`${name}-answer`) });

  await explained(page, { name, shot });
  await openFirst(page, { base, name, citations });
  await page.screenshot({ path: shot(`${name}-source`) });
  await closed(page, name);
  await fits(page, name);
  must(!complaints.length, `${name}: the page has nothing to complain of`, complaints);
  await page.context().close();
  return { citations: citations.length };
}

async function opened(browser, { base, options }) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  await page.addInitScript(keepStream);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) complaints.push(`request to another place: ${request.url()}`);
  });
  return { page, complaints };
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

// What brought the passages is shown when somebody asks, a row for each of them.
async function explained(page, { name, shot }) {
  const step = page.locator("details.step").first();
  await step.locator("summary").click();
  const passages = await step.locator(".passages li").count();
  await step.locator(".why button").click();
  await step.locator(".why table").waitFor({ timeout: WAIT_MS });
  must((await step.locator(".why tr").count()) === passages + 1, `${name}: every passage has its reasons`, passages);
  must(/\d+ %/.test(await step.locator(".why p").first().textContent()), `${name}: the weights are said`);
  await page.screenshot({ path: shot(`${name}-why`) });
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
}

async function closed(page, name) {
  await page.keyboard.press("Escape");
  must(await page.locator("#source").isHidden(), `${name}: Escape closes the source`);
  const focused = await page.evaluate(() => document.activeElement?.className);
  must(focused === "cite", `${name}: the focus goes back to the number`, focused);
}

async function fits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(over <= 0, `${name}: the page is no wider than the screen`, over);
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
  must(!complaints.length, "docs: the page has nothing to complain of", complaints);
  await page.context().close();
  return endpoints;
}
