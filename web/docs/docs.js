// The documentation page: what /openapi.json says, as a page to read.

import { curl, example, nameOf, resolve, typeOf } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH_MAX = 5;

const contents = document.getElementById("contents");
const pages = document.getElementById("pages");

draw();

async function draw() {
  try {
    const response = await fetch(new URL("../openapi.json", import.meta.url));
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    page(await response.json());
  } catch (error) {
    document.getElementById("notice").textContent = `The description of the API could not be read: ${error.message}`;
  }
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

function page(api) {
  const groups = grouped(api);
  pages.replaceChildren(title(api));
  for (const [tag, operations] of groups) {
    pages.append(section(api, { tag, operations }));
    contents.append(menu(tag, operations.map(entryOf)));
  }
  const schemas = Object.entries(api.components?.schemas ?? {});
  if (!schemas.length) return;
  pages.append(shapes(api, schemas));
  contents.append(menu("Schemas", schemas.map(([name]) => ({ id: `schema-${name}`, label: [name] }))));
}

function grouped(api) {
  const groups = new Map((api.tags ?? []).map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of METHODS.filter((each) => item[each])) {
      const operation = { ...item[method], path, method, parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] };
      const tag = operation.tags?.[0] ?? "Endpoints";
      groups.set(tag, [...(groups.get(tag) ?? []), operation]);
    }
  }
  return [...groups].filter(([, operations]) => operations.length);
}

function title(api) {
  const version = api.info?.version ? ` ${api.info.version}` : "";
  const raw = make("p", "soft", [link("/openapi.json", "openapi.json"), " · ", link("/chat/", "chat")]);
  return make("header", "title", [make("h1", "", [`${api.info?.title ?? "API"}${version}`]), ...prose(api.info?.description), raw]);
}

function menu(label, entries) {
  const items = entries.map(({ id, label: parts }) => {
    const anchor = link(`#${encodeURIComponent(id)}`);
    anchor.append(...parts);
    return make("li", "", [anchor]);
  });
  return make("section", "", [make("h2", "", [label]), make("ul", "", items)]);
}

const idOf = ({ method, path }) => `${method}-${path}`;
const badge = (method) => make("b", `method ${method}`, [method.toUpperCase()]);
const entryOf = (operation) => ({ id: idOf(operation), label: [badge(operation.method), " ", broken(operation.path)] });

function section(api, { tag, operations }) {
  const described = (api.tags ?? []).find((each) => each.name === tag)?.description;
  return make("section", "group", [make("h2", "", [tag]), ...prose(described), ...operations.map((each) => endpoint(api, each))]);
}

function endpoint(api, operation) {
  const root = make("article", "endpoint");
  root.id = idOf(operation);
  const anchor = link(`#${encodeURIComponent(root.id)}`);
  anchor.append(badge(operation.method), " ", make("code", "", [broken(operation.path)]));
  root.append(make("h3", "", [anchor]), ...prose(operation.summary, "summary"));
  if (operation.description !== operation.summary) root.append(...prose(operation.description));
  root.append(...parameters(api, operation), ...requestBody(api, operation), ...responses(api, operation));
  root.append(make("h4", "", ["Example"]), make("pre", "", [make("code", "", [curl(api, operation, location.origin)])]));
  return root;
}

function parameters(api, operation) {
  const known = operation.parameters.map((each) => resolve(api, each));
  if (!known.length) return [];
  const rows = known.map((each) =>
    row({
      name: each.name,
      kind: [`${each.in}, `, ...typed(api, each.schema ?? {})],
      required: each.required,
      description: each.description ?? each.schema?.description,
    }),
  );
  return [make("h4", "", ["Parameters"]), make("dl", "fields", rows.flat())];
}

function requestBody(api, operation) {
  const body = operation.requestBody && resolve(api, operation.requestBody);
  return Object.entries(body?.content ?? {}).flatMap(([type, { schema }]) => [
    make("h4", "", ["Body ", make("span", "soft", [type])]),
    ...prose(body.description),
    ...fields(api, schema, { depth: 0 }),
  ]);
}

function responses(api, operation) {
  const rows = Object.entries(operation.responses ?? {}).flatMap(([status, raw]) => {
    const response = resolve(api, raw);
    const content = Object.entries(response.content ?? {});
    const kind = content.flatMap(([type, { schema }], index) => [index ? ", " : "", `${type} `, ...typed(api, schema ?? {})]);
    return row({ name: status, kind, description: response.description, tone: `status-${status[0]}` });
  });
  return rows.length ? [make("h4", "", ["Responses"]), make("dl", "fields", rows)] : [];
}

function shapes(api, schemas) {
  const all = schemas.map(([name, schema]) => {
    const root = make("article", "shape", [make("h3", "", [make("code", "", [name])]), ...prose(schema.description)]);
    root.id = `schema-${name}`;
    root.append(...fields(api, schema, { depth: 0, named: name }));
    const sample = example(api, schema);
    if (sample !== undefined && sample !== null && typeof sample === "object") {
      root.append(make("pre", "", [make("code", "", [JSON.stringify(sample, null, 2)])]));
    }
    return root;
  });
  return make("section", "group", [make("h2", "", ["Schemas"]), ...all]);
}

// A named schema has a place of its own further down; only what has no name is drawn where it stands.
function fields(api, schema, { depth, named }) {
  if (!schema || depth > DEPTH_MAX) return [];
  const name = nameOf(schema);
  if (name && name !== named) return [make("p", "", ["A ", schemaLink(name), "."])];
  const parts = (schema.allOf ?? [schema]).map((each) => resolve(api, each));
  const rows = parts.flatMap((part) => properties(api, part, { depth }));
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants) rows.push(...variantRows(api, variants, { depth }));
  if (!rows.length && !named) return [make("p", "", typed(api, schema))];
  if (!rows.length) return [make("p", "soft", typed(api, schema))];
  return [make("dl", "fields", rows)];
}

function properties(api, schema, { depth }) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const nested = value.items?.properties ? value.items : value;
    const inside = nested.properties ? fields(api, nested, { depth: depth + 1 }) : [];
    return row({
      name,
      kind: typed(api, value),
      required: schema.required?.includes(name),
      description: value.description,
      inside,
    });
  });
}

function variantRows(api, variants, { depth }) {
  return variants.flatMap((each, index) => {
    const inside = nameOf(each) ? [] : fields(api, each, { depth: depth + 1 });
    return row({ name: index ? "or" : "either", kind: typed(api, each), description: each.description, inside });
  });
}

function row({ name, kind, required, description, inside = [], tone = "" }) {
  const term = make("dt", "", [make("code", tone, [broken(name)]), " ", make("span", "kind", kind)]);
  if (required) term.append(" ", make("span", "required", ["required"]));
  return [term, make("dd", "", [...prose(description), ...inside])];
}

function typed(api, schema) {
  return typeOf(api, schema).map((part) => (part.name ? schemaLink(part.name) : part.text));
}

const schemaLink = (name) => link(`#schema-${encodeURIComponent(name)}`, name);

// Descriptions come from doc comments: paragraphs and code, no more.
function prose(text, name = "") {
  if (!text) return [];
  return text.trim().split(/\n\s*\n/).map((paragraph) => {
    const pieces = paragraph.split(/`([^`]+)`/).map((piece, index) => (index % 2 ? make("code", "", [piece]) : piece));
    return make("p", name, pieces);
  });
}

// A long path may be broken after a slash.
function broken(path) {
  const whole = document.createDocumentFragment();
  String(path).split(/(?<=\/)/).forEach((piece, index) => {
    if (index) whole.append(document.createElement("wbr"));
    whole.append(piece);
  });
  return whole;
}

function link(href, text) {
  const made = make("a", "", text ? [text] : []);
  made.href = href;
  return made;
}

function make(tag, name, children = []) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children);
  return made;
}
