// A reader in a real Chromium: a page that keeps what it complains of, and what every look at it has to hold.

import { readFileSync } from "node:fs";

import { load, must } from "./harness.mjs";

export const WAIT_MS = 60_000;
export const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: "en-GB", colorScheme: "light" };
export const PHONE = { viewport: { width: 360, height: 740 }, locale: "ko-KR", hasTouch: true, colorScheme: "dark" };
/** A desktop at 200 %: half as many pixels of twice the size. */
export const ZOOMED = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, locale: "en-GB" };

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
const AXE = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

/** Starts the browser. */
export const launched = () =>
  load("playwright-core").chromium.launch({ executablePath: process.env.IBID_TEST_CHROMIUM || "/usr/bin/chromium", args: FLAGS });

/** A page in a context of its own. `complaints` holds errors, warnings, breaches of the policy and requests elsewhere. */
export async function opened(browser, { base, options, scripts = [] }) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const complaints = [];
  for (const script of scripts) await page.addInitScript(script);
  await page.addInitScript(tellBreaches);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) complaints.push(`request to another place: ${request.url()}`);
  });
  return { page, complaints };
}

// Runs in the page.
function tellBreaches() {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`the policy was breached: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
}

/** Asks a question and waits until its answer is there; gives its article. */
export async function ask(page, question) {
  const before = await page.locator("article.turn").count();
  await page.fill("#question", question);
  await page.press("#question", "Enter");
  return answered(page, before);
}

/** Waits until the turn with this index is over; gives its article. */
export async function answered(page, index) {
  const article = page.locator("article.turn").nth(index);
  await article.and(page.locator("[aria-busy=false]")).waitFor();
  return article;
}

/** No rule of axe is broken, contrast and names included. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  // What fades in has the contrast that it will have.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html.slice(0, 160), failureSummary]) }));
  must(!told.length, `${name}: axe finds nothing`, told);
}

/** Nothing is wider than the screen. */
export async function fits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(over <= 0, `${name}: the page is no wider than the screen`, over);
}

/** Ends a page that has nothing to complain of; `expected` lists what it may have said. */
export async function contented(page, complaints, { name, expected = [] }) {
  const left = complaints.filter((complaint) => !expected.some((pattern) => pattern.test(complaint)));
  must(!left.length, `${name}: the page has nothing to complain of`, left);
  await page.context().close();
}
