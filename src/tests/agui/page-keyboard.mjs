// The page without a mouse: all of it is reached with Tab, seen when it is, and left with Escape.

import { answered, contented, DESKTOP, opened, PHONE } from "./browser.mjs";
import { must } from "./harness.mjs";

const NAME = "keyboard";
const STOPS_MAX = 80;
/** What a reader needs, by a selector that the element in focus matches. */
const NEEDED = [
  "#new-chat", "#thread-list a", "#thread-list .rename", "#thread-list .remove", "#add-open", "#threads-foot a", "#look-theme",
  "#look-language", ".step summary", "button.cite", ".footnote", ".actions button", ".thumb", "#question", "#scope-open",
];

/** A reader with a keyboard only, and one who opens the drawer of a narrow screen. */
export async function keyboard(browser, { base, question }) {
  const { page, complaints } = await opened(browser, { base, options: { ...DESKTOP, reducedMotion: "reduce" } });
  await page.goto(base);
  must((await page.evaluate(() => document.activeElement.id)) === "question", `${NAME}: the page begins at the question`);
  await page.keyboard.type(question);
  await page.keyboard.press("Enter");
  await answered(page, 0);
  await page.locator("#thread-list li").first().waitFor();
  const moving = await page.evaluate(() => document.getAnimations().length);
  must(moving === 0, `${NAME}: nothing moves for a reader who wants rest`, moving);

  await everywhere(page);
  await sourceByKeys(page);
  await listByArrows(page);
  await dialogByKeys(page);
  await contented(page, complaints, { name: NAME });
  await drawer(browser, base);
}

async function everywhere(page) {
  const met = new Set();
  await page.focus("#question");
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate((needed) => {
      const held = document.activeElement;
      if (held === document.body) return { matches: [] };
      const style = getComputedStyle(held.id === "question" ? held.closest("#field") : held);
      const seen = held.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      const shown = held.id === "question" || (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0);
      return { matches: needed.filter((selector) => held.matches(selector)), seen, shown, what: held.outerHTML.slice(0, 120) };
    }, NEEDED);
    if (at.what) must(at.seen && at.shown, `${NAME}: what is in focus is seen to be`, at);
    at.matches.forEach((each) => met.add(each));
    if (met.size === NEEDED.length) return;
  }
  must(false, `${NAME}: Tab reaches everything`, NEEDED.filter((each) => !met.has(each)));
}

async function sourceByKeys(page) {
  await page.locator("button.cite").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("#source mark").waitFor();
  must((await page.evaluate(() => document.activeElement.id)) === "source", `${NAME}: the focus goes to the source`);
  const stops = [];
  for (let stop = 0; stop < 6 && stops.at(-1) !== "source-text"; stop += 1) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement.id));
  }
  must(stops.includes("source-close") && stops.at(-1) === "source-text", `${NAME}: Tab goes from the source's buttons to its text`, stops);
  await page.keyboard.press("Escape");
  must((await page.evaluate(() => document.activeElement.className)).startsWith("cite"), `${NAME}: Escape goes back to the number`);
}

async function listByArrows(page) {
  const rows = await page.locator("#thread-list li").count();
  must(rows > 1, `${NAME}: there are conversations to walk through`, rows);
  const index = () => page.evaluate(() => [...document.querySelectorAll("#thread-list a")].indexOf(document.activeElement));
  await page.locator("#thread-list a").first().focus();
  await page.keyboard.press("ArrowDown");
  must((await index()) === 1, `${NAME}: the arrow goes down the list`);
  await page.keyboard.press("End");
  must((await index()) === rows - 1, `${NAME}: End goes to the last conversation`);
  await page.keyboard.press("Home");
  must((await index()) === 0, `${NAME}: Home goes to the first conversation`);
}

async function dialogByKeys(page) {
  await page.focus("#scope-open");
  await page.keyboard.press("Enter");
  await page.locator("#scope[open]").waitFor();
  await page.keyboard.press("Escape");
  must(await page.locator("#scope").isHidden(), `${NAME}: Escape closes the dialog`);
  must((await page.evaluate(() => document.activeElement.id)) === "scope-open", `${NAME}: the focus goes back to its button`);
}

async function drawer(browser, base) {
  const { page, complaints } = await opened(browser, { base, options: PHONE });
  await page.goto(base);
  await page.locator("#thread-list li").first().waitFor({ state: "attached" });
  must(await page.locator("#threads").evaluate((list) => list.inert), `${NAME}: a shut drawer is out of reach`);
  await page.focus("#threads-toggle");
  await page.keyboard.press("Enter");
  await page.locator("#thread-list a").first().waitFor();
  must(await page.evaluate(() => document.getElementById("threads").contains(document.activeElement)), `${NAME}: the focus goes into the drawer`);
  must(await page.locator("#thread").evaluate((main) => main.inert), `${NAME}: what is behind an open drawer is out of reach`);
  await page.keyboard.press("Escape");
  must((await page.evaluate(() => document.activeElement.id)) === "threads-toggle", `${NAME}: Escape shuts the drawer`);
  await page.locator("#threads-toggle").click();
  await page.locator("#thread-list a").first().click();
  await page.locator("article.turn").first().waitFor();
  must(await page.locator("#threads").evaluate((list) => list.inert), `${NAME}: a choice shuts the drawer`);
  await contented(page, complaints, { name: `${NAME}, drawer` });
}
