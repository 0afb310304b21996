// Conversations on the page: they come back after a reload, by a link and with Back; they are renamed and deleted, and an
// answer is copied and judged.

import { accessible, ask, contented, DESKTOP, opened } from "./browser.mjs";
import { must } from "./harness.mjs";

const NAME = "threads";
const NOTE = "The number is right. 맞습니다.";

/** A reader who keeps conversations. */
export async function threads(browser, { base, question, expected, shot }) {
  const { page, complaints } = await opened(browser, { base, options: { ...DESKTOP, permissions: ["clipboard-read", "clipboard-write"] } });
  await page.goto(base);
  await ask(page, question);
  const first = page.url();
  const id = new URL(first).searchParams.get("thread");
  must(id, `${NAME}: the address names the conversation`, first);
  await page.locator(`#thread-list li[data-id="${id}"] [aria-current=page]`).waitFor();

  await again(page, { base, expected, id });
  await copied(page, { base, expected });
  await judged(page, { base });
  await backAndForth(page, { first, question });
  await renamed(page, { base, id, shot });
  await removed(page, { base, id, shot });
  await contented(page, complaints, { name: NAME, expected: [/status of 404/] });
}

async function again(page, { base, expected, id }) {
  await page.reload();
  await page.locator("article.turn[aria-busy=false] .prose", { hasText: expected }).waitFor();
  const kept = await (await fetch(new URL(`/v1/threads/${id}`, base))).json();
  must(kept.turns_list.length === 1, `${NAME}: the server keeps the turn`, kept);
  const wanted = kept.turns_list[0].citations.length;
  must((await page.locator(".prose button.cite").count()) === wanted, `${NAME}: a reload brings the numbers back`, wanted);
  await page.locator(".prose button.cite").first().click();
  await page.locator("#source[data-state=same] mark").waitFor();
  const link = page.url();
  const other = await page.context().newPage();
  await other.goto(link);
  await other.locator("#source mark").waitFor();
  must((await other.locator("#source mark").textContent()) === (await page.locator("#source mark").textContent()), `${NAME}: a link opens the citation`, link);
  await other.close();
  await page.keyboard.press("Escape");
}

async function copied(page, { expected }) {
  await page.locator(".actions button").first().click();
  await page.locator("#toast.shown").waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  must(text.includes(expected) && /\n\[1\] /.test(text) && /\?thread=.+#cit_/.test(text), `${NAME}: the copy has the sources and their links`, text);
}

async function judged(page, { base }) {
  const run = await page.locator("article.turn").first().getAttribute("data-run");
  const [up, down] = [page.locator(".thumb").first(), page.locator(".thumb").nth(1)];
  await down.click();
  await page.locator(".note-form textarea").waitFor();
  await page.keyboard.type(NOTE);
  await page.locator(".note-form button").first().click();
  await page.locator(".note-form").waitFor({ state: "hidden" });
  const { feedback } = await (await fetch(new URL(`/v1/runs/${run}`, base))).json();
  must(feedback?.helpful === false && feedback.note === NOTE, `${NAME}: the server keeps the judgement`, feedback);
  await page.reload();
  await down.waitFor();
  must((await down.getAttribute("aria-pressed")) === "true" && (await up.getAttribute("aria-pressed")) === "false", `${NAME}: the judgement is shown again`);
}

async function backAndForth(page, { first, question }) {
  await page.click("#new-chat");
  await page.locator("#welcome").waitFor();
  must((await page.evaluate(() => document.activeElement.id)) === "question", `${NAME}: a new chat waits for its question`);
  await ask(page, question);
  must(page.url() !== first, `${NAME}: a new chat is another conversation`, page.url());
  await page.goBack();
  await page.locator("#welcome").waitFor();
  await page.goBack();
  await page.locator("article.turn").waitFor();
  must(page.url() === first, `${NAME}: Back goes back`, page.url());
}

async function renamed(page, { base, id, shot }) {
  const row = page.locator(`#thread-list li[data-id="${id}"]`);
  await row.hover();
  await row.locator(".rename").click();
  await page.keyboard.type("탑 이야기");
  await page.keyboard.press("Enter");
  await row.locator(".title", { hasText: "탑 이야기" }).waitFor();
  must((await page.title()).startsWith("탑 이야기"), `${NAME}: the page has the new title`, await page.title());
  const kept = await (await fetch(new URL(`/v1/threads/${id}`, base))).json();
  must(kept.title === "탑 이야기", `${NAME}: the server has the new title`, kept.title);
  await page.screenshot({ path: shot("threads-renamed") });
  await row.locator(".rename").click();
  await page.keyboard.type("nothing");
  await page.keyboard.press("Escape");
  must((await row.locator(".title").textContent()) === "탑 이야기", `${NAME}: Escape keeps the title`);
}

async function removed(page, { base, id, shot }) {
  const row = page.locator(`#thread-list li[data-id="${id}"]`);
  await row.hover();
  await row.locator(".remove").click();
  await page.locator("#confirm[open]").waitFor();
  await page.screenshot({ path: shot("threads-confirm") });
  await accessible(page, `${NAME}, confirmation`);
  await page.keyboard.press("Escape");
  must((await row.count()) === 1, `${NAME}: Escape deletes nothing`);
  await row.hover();
  await row.locator(".remove").click();
  await page.click("#confirm-yes");
  await row.waitFor({ state: "detached" });
  must((await page.locator("article.turn").count()) === 0, `${NAME}: what was deleted is not shown`);
  const gone = await fetch(new URL(`/v1/threads/${id}`, base));
  must(gone.status === 404, `${NAME}: the server has deleted it`, gone.status);
  await page.goto(new URL(`/chat/?thread=${id}`, base).href);
  await page.locator("#thread-problem", { hasText: /\S/ }).waitFor();
}
