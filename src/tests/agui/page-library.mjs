// Documents on the page: brought by a chooser and by dropping, searched alone, and changed after they were cited.

import { accessible, ask, contented, DESKTOP, opened } from "./browser.mjs";
import { must } from "./harness.mjs";

const NAME = "library";
const COLLECTION = "lighthouses";
const FILE = "lighthouse.md";
const QUESTION = "How tall is the lighthouse?";
const SENTENCE = "The lighthouse is 34 metres tall.";
const EDITED = "The lighthouse is 35 metres tall.";
const text = (sentence, before = "") => `# The lighthouse\n\n${before}${sentence} It was built of granite.\n`;

/** A reader who brings documents and changes them. */
export async function library(browser, { base, shot }) {
  const { page, complaints } = await opened(browser, { base, options: DESKTOP });
  await page.goto(base);
  await brought(page, shot);
  await dropped(page);
  await narrowed(page, shot);
  const article = await ask(page, QUESTION);
  await article.locator(".prose", { hasText: "34 metres" }).waitFor();
  const sources = await article.locator(".footnote .uri").allTextContents();
  must(sources.length && sources.every((uri) => uri.includes("lighthouse")), `${NAME}: only the chosen collection is searched`, sources);
  await changed(page, { base, shot });
  await contented(page, complaints, { name: NAME });
}

async function brought(page, shot) {
  await page.click("#add-open");
  await page.fill("#add-collection", COLLECTION);
  await accessible(page, `${NAME}, dialog`);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click("#add-choose")]);
  await chooser.setFiles([{ name: FILE, mimeType: "text/markdown", buffer: Buffer.from(text(SENTENCE)) }]);
  await page.locator("#uploads-list li", { hasText: FILE }).locator(".state.ready").waitFor();
  await page.screenshot({ path: shot("library-uploads") });
  await accessible(page, `${NAME}, uploads`);
  await page.click("#uploads-head button");
  must(await page.locator("#uploads").isHidden(), `${NAME}: the list of uploads is closed`);
}

async function dropped(page) {
  await page.evaluate(drop, { name: "dropped.txt", body: "A dropped note tells of sea birds." });
  must(await page.locator("#drop").isHidden(), `${NAME}: the place to drop goes when something is dropped`);
  await page.locator("#uploads-list li", { hasText: "dropped.txt" }).locator(".state.ready").waitFor();
  await page.click("#uploads-head button");
}

// Runs in the page.
function drop({ name, body }) {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([body], name, { type: "text/plain" }));
  for (const type of ["dragenter", "dragover", "drop"]) dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}

async function narrowed(page, shot) {
  await page.click("#scope-open");
  await page.locator(`#scope option[value="${COLLECTION}"]`).waitFor({ state: "attached" });
  await page.selectOption("#scope [name=collection]", COLLECTION);
  await page.check("#scope [name=types][value=text]");
  await page.fill("#scope [name=from]", "2000-01-01");
  await page.screenshot({ path: shot("library-scope") });
  await accessible(page, `${NAME}, scope`);
  await page.click("#scope-done");
  const said = await page.locator("#scope-open").textContent();
  await page.click("#scope-open");
  await page.fill("#scope [name=from]", "");
  await page.click("#scope-done");
  must(said.includes(COLLECTION) && said.includes("2000-01-01"), `${NAME}: what was chosen is said under the question`, said);
}

// The same citation is opened after each change of its document, and says what has become of it.
async function changed(page, { base, shot }) {
  await state(page, "same", async (mark) => must((await mark.textContent()).includes("34 metres"), `${NAME}: the quote is marked`));
  await put(base, text(SENTENCE, "Many ships passed here in the night, and some of them did not come home. "));
  await state(page, "moved", async (mark) => {
    must((await mark.textContent()).includes("34 metres"), `${NAME}: what moved is marked where it stands today`);
    await page.screenshot({ path: shot("library-moved") });
  });
  await put(base, text(EDITED, "Many ships passed here in the night, and some of them did not come home. "));
  await state(page, "edited", async () => {
    const difference = page.locator("#source-note .difference");
    must((await difference.locator("del").textContent()).includes("34"), `${NAME}: what went is struck out`);
    must((await difference.locator("ins").textContent()).includes("35"), `${NAME}: what came is underlined`);
    await page.screenshot({ path: shot("library-edited") });
    await accessible(page, `${NAME}, edited`);
  });
  const run = await page.locator("article.turn").first().getAttribute("data-run");
  const { citations } = await (await fetch(new URL(`/v1/runs/${run}`, base))).json();
  const gone = await fetch(new URL(`/v1/documents/${citations[0].documentId}`, base), { method: "DELETE" });
  must(gone.status === 204, `${NAME}: the document is deleted`, gone.status);
  await state(page, "deleted", async () => {
    must((await page.locator("#source-note blockquote").textContent()).includes("34 metres"), `${NAME}: a deleted document is quoted as it was`);
    await page.screenshot({ path: shot("library-deleted") });
  });
}

async function state(page, wanted, check) {
  await page.reload();
  const since = page.locator(`.footnote .since.${wanted}`);
  if (wanted !== "same") await since.first().waitFor();
  await page.locator(".prose button.cite").first().click();
  await page.locator(`#source[data-state=${wanted}]`).waitFor();
  const mark = page.locator("#source mark");
  if (wanted !== "deleted") await mark.waitFor();
  await check(mark);
  await page.keyboard.press("Escape");
}

async function put(base, body) {
  const form = new FormData();
  form.append("file", new Blob([body], { type: "text/markdown" }), FILE);
  const response = await fetch(new URL(`/v1/collections/${COLLECTION}/documents`, base), { method: "POST", body: form });
  must(response.status === 202, `${NAME}: a changed document is taken`, response.status);
  const { documents } = await response.json();
  const wanted = Buffer.byteLength(body);
  for (let tries = 0; tries < 100; tries += 1) {
    const known = await (await fetch(new URL(`/v1/documents/${documents[0].id}`, base))).json();
    if (known.state === "ready" && known.source?.bytes === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  must(false, `${NAME}: a changed document is read within ten seconds`);
}
