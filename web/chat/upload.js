// Documents brought to the service: dropped on the page or chosen, sent one by one, and followed until they can be searched.

import { at, button, iconButton, make, PATHS } from "./dom.js";
import { chosenCollection } from "./scope.js";
import { collections, documentOf, Refused, upload } from "./server.js";
import { pollStatus } from "./status.js";
import { words } from "./words.js";

const DEFAULT_COLLECTION = "default";
const POLL_MS = 1000;
const POLLS_MAX = 600;
const NOT_FOUND = 404;

const dialog = at("add");
const field = at("add-collection");
const chooser = at("add-files");
const drop = at("drop");
const panel = at("uploads");
const list = at("uploads-list");

let waiting = Promise.resolve();
let inside = 0;

/** Makes the button, the dialog and the page's surface take files. */
export function startUpload() {
  at("add-open").addEventListener("click", openDialog);
  at("add-close").addEventListener("click", () => dialog.close());
  at("add-form").addEventListener("submit", (event) => event.preventDefault());
  at("add-choose").addEventListener("click", () => {
    if (field.reportValidity()) chooser.click();
  });
  chooser.addEventListener("change", () => {
    const files = [...chooser.files];
    chooser.value = "";
    dialog.close();
    send(files, field.value.trim());
  });
  at("uploads-head").append(iconButton(PATHS.close, words.uploadsClose, { press: closePanel }));
  addEventListener("dragenter", entered);
  addEventListener("dragleave", left);
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", dropped);
}

const target = () => chosenCollection() || DEFAULT_COLLECTION;

async function openDialog() {
  field.value = target();
  dialog.showModal();
  const known = await collections().catch(() => []);
  at("add-known").replaceChildren(
    ...known.map(({ name }) => {
      const option = make("option");
      option.value = name;
      return option;
    }),
  );
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

function entered(event) {
  if (!hasFiles(event)) return;
  inside += 1;
  at("drop-text").textContent = words.dropHere(target());
  drop.hidden = false;
}

function left(event) {
  if (!hasFiles(event)) return;
  inside = Math.max(0, inside - 1);
  if (!inside) drop.hidden = true;
}

function dropped(event) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  inside = 0;
  drop.hidden = true;
  send([...event.dataTransfer.files], target());
}

function closePanel() {
  panel.hidden = true;
  for (const item of [...list.children]) if (item.dataset.over) item.remove();
  at("question").focus();
}

function send(files, collection) {
  if (!files.length) return;
  panel.hidden = false;
  for (const file of files) {
    const item = row(file.name);
    list.append(item.root);
    waiting = waiting.then(() => sendOne(item, { file, collection }));
  }
}

function row(name) {
  const root = make("li");
  const bar = make("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", name);
  const state = make("span", "state", words.uploadWaiting);
  root.append(make("span", "name", name), state, bar);
  const show = (text, { share, kind = "" } = {}) => {
    state.textContent = text;
    state.className = `state ${kind}`.trim();
    bar.hidden = share === undefined;
    if (share === null) bar.removeAttribute("value");
    else if (share !== undefined) bar.value = share;
    if (kind) root.dataset.over = kind;
  };
  return { root, show, name };
}

async function sendOne(item, { file, collection }) {
  try {
    item.show(words.uploadSending(0), { share: 0 });
    const documents = await upload(collection, file, (share) => {
      // All of it has gone out, and the server reads it.
      if (share < 1) item.show(words.uploadSending(Math.round(100 * share)), { share });
      else item.show(words.uploadReading, { share: null });
    });
    item.show(words.uploadReading, { share: null });
    pollStatus();
    // The next file need not wait until this one can be searched.
    followAll(item, documents);
  } catch (error) {
    const text = error instanceof Refused ? error.message : words.unreachable;
    item.show(words.uploadFailed(text), { kind: "failed" });
    item.root.append(button(words.uploadAgain, "plain", ({ currentTarget }) => {
      currentTarget.remove();
      delete item.root.dataset.over;
      waiting = waiting.then(() => sendOne(item, { file, collection }));
    }));
  }
}

async function followAll(item, documents) {
  const ends = await Promise.all(documents.map(followOne));
  const failed = ends.filter(({ state }) => state === "failed");
  if (!ends.length || ends.some(({ state }) => !state)) item.show(words.uploadUnknown, { kind: "unknown" });
  else if (!failed.length) item.show(words.uploadReady(ends.length), { kind: "ready" });
  else item.show(words.uploadFailed(failed[0].message), { kind: "failed" });
  at("uploads-told").textContent = `${item.name}: ${item.root.querySelector(".state").textContent}`;
  pollStatus();
}

async function followOne({ id, state, failure_message: message }) {
  if (state === "failed") return { state, message };
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    try {
      const known = await documentOf(id);
      if (known.state === "ready") return { state: "ready" };
      if (known.state === "failed") return { state: "failed", message: known.failure?.message ?? "" };
    } catch (error) {
      if (!(error instanceof TypeError) && error.status !== NOT_FOUND) return { state: "failed", message: error.message };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { state: null };
}
