// Where answers are looked for and how strictly they are checked; kept for this browser.

import { at, make } from "./dom.js";
import { collections, Refused } from "./server.js";
import { count, words } from "./words.js";

const KEY = "ibid.scope";
const EMPTY = { collection: "", path: "", types: [], language: "", from: "", to: "", verification: "annotate" };
const OFFICE = "application/vnd.openxmlformats-officedocument.";

/** The kinds of documents that one asks for by hand, with the MIME types that they go by. */
const KINDS = {
  pdf: ["application/pdf"],
  word: [`${OFFICE}wordprocessingml.document`, "application/msword", "application/vnd.oasis.opendocument.text", "application/rtf"],
  hwp: ["application/x-hwp", "application/hwp+zip"],
  slides: [`${OFFICE}presentationml.presentation`, "application/vnd.ms-powerpoint", "application/vnd.oasis.opendocument.presentation"],
  sheets: [`${OFFICE}spreadsheetml.sheet`, "application/vnd.ms-excel", "application/vnd.oasis.opendocument.spreadsheet", "text/csv"],
  web: ["text/html"],
  text: ["text/markdown", "text/plain"],
  mail: ["message/rfc822", "application/mbox"],
};

const form = at("scope-form");
const dialog = at("scope");

let scope = restore();

/** Makes the dialog work, and shows what is chosen. */
export function startScope() {
  for (const kind of Object.keys(KINDS)) at("scope-types").append(choice(kind));
  at("scope-open").addEventListener("click", show);
  at("scope-done").addEventListener("click", () => dialog.close());
  at("scope-clear").addEventListener("click", () => {
    fill(EMPTY);
    read();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
  });
  form.addEventListener("change", read);
  say();
}

/** The collection that was chosen, or nothing. */
export const chosenCollection = () => scope.collection;

/** What a run is told of it. */
export const props = () => ({ verification: scope.verification, ...(isNarrow() && { filter: filter() }) });

/** The filter for a search, as the API takes it. */
export function filter() {
  const { collection, path, types, language, from, to } = scope;
  return {
    ...(collection && { collections: [collection] }),
    ...(path && { uri_prefix: path }),
    ...(types.length && { media_types: types.flatMap((kind) => KINDS[kind] ?? []) }),
    ...(language && { languages: [language] }),
    ...(from && { date_from: from }),
    ...(to && { date_to: to }),
  };
}

const isNarrow = () => Object.keys(filter()).length > 0;

async function show() {
  fill(scope);
  at("scope-error").textContent = "";
  dialog.showModal();
  try {
    const known = await collections();
    const select = form.elements.collection;
    const options = known.map(({ name, documents }) => option(name, words.collectionOf(name, count(documents))));
    select.replaceChildren(option("", words.allCollections), ...options);
    select.value = scope.collection;
    // A collection that is gone narrows to nothing; it is shown, so that it can be seen and left.
    if (scope.collection && select.value !== scope.collection) select.append(option(scope.collection, scope.collection));
    select.value = scope.collection;
  } catch (error) {
    at("scope-error").textContent = error instanceof Refused ? error.message : words.unreachable;
  }
}

function option(value, text) {
  const made = make("option", "", text);
  made.value = value;
  return made;
}

function choice(kind) {
  const label = make("label", "choice");
  const box = make("input");
  box.type = "checkbox";
  box.name = "types";
  box.value = kind;
  label.append(box, make("span", "", words.kinds[kind]));
  return label;
}

function fill({ collection, path, types, language, from, to, verification }) {
  const { elements } = form;
  if (![...elements.collection.options].some(({ value }) => value === collection)) elements.collection.append(option(collection, collection));
  Object.assign(elements.collection, { value: collection });
  Object.assign(elements.path, { value: path });
  Object.assign(elements.language, { value: language });
  Object.assign(elements.from, { value: from });
  Object.assign(elements.to, { value: to });
  for (const box of form.querySelectorAll("[name=types]")) box.checked = types.includes(box.value);
  for (const radio of form.querySelectorAll("[name=verification]")) radio.checked = radio.value === verification;
}

function read() {
  const data = new FormData(form);
  const text = (name) => String(data.get(name) ?? "").trim();
  scope = {
    collection: text("collection"),
    path: text("path"),
    types: data.getAll("types").map(String),
    language: text("language"),
    from: text("from"),
    to: text("to"),
    verification: text("verification") || EMPTY.verification,
  };
  try {
    localStorage.setItem(KEY, JSON.stringify(scope));
  } catch {
    // A browser that keeps nothing keeps the choice for as long as the page is open.
  }
  say();
}

function restore() {
  try {
    return { ...EMPTY, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return EMPTY;
  }
}

function say() {
  const { collection, path, types, language, from, to, verification } = scope;
  const dates = from || to ? words.dates(from, to) : "";
  const said = [collection, path, types.map((kind) => words.kinds[kind]).join(", "), language && words.languages[language], dates];
  const parts = said.filter(Boolean);
  const strict = verification === "strict" ? [words.strict] : [];
  at("scope-open").textContent = [parts.join(" · ") || words.allDocuments, ...strict].join(" · ");
  at("scope-open").classList.toggle("narrow", parts.length + strict.length > 0);
}
