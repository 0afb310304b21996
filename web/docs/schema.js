// What a JSON schema says, in short: its type in words, an example value, and a curl call.

const DEPTH_MAX = 6;

/** The thing that a `$ref` names, or the thing itself. */
export function resolve(api, value) {
  let found = value;
  for (let hops = 0; found?.$ref && hops < DEPTH_MAX; hops += 1) {
    found = found.$ref
      .replace(/^#\//, "")
      .split("/")
      .reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
  }
  return found ?? {};
}

/** The name of the schema a `$ref` points at. */
export const nameOf = (schema) => schema?.$ref?.split("/").at(-1);

/** The type in words, as parts: `{text}`, or `{name}` of a named schema. */
export function typeOf(api, schema, depth = 0) {
  if (nameOf(schema)) return [{ name: nameOf(schema) }];
  if (depth > DEPTH_MAX) return [{ text: "…" }];
  const variants = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (variants) return joined(variants.map((each) => typeOf(api, each, depth + 1)), schema.allOf ? " and " : " or ");
  if (schema.const !== undefined) return [{ text: JSON.stringify(schema.const) }];
  if (schema.enum) return [{ text: schema.enum.map((each) => JSON.stringify(each)).join(" | ") }];
  const types = [schema.type ?? "any"].flat();
  const words = types.map((type) => typeWords(api, { ...schema, type }, depth));
  return [...joined(words, " or "), ...limits(schema)];
}

function typeWords(api, schema, depth) {
  if (schema.type === "array") return [{ text: "list of " }, ...typeOf(api, schema.items ?? {}, depth + 1)];
  if (schema.format && schema.type !== "integer" && schema.type !== "number") return [{ text: `${schema.type} (${schema.format})` }];
  return [{ text: schema.type }];
}

function joined(lists, between) {
  return lists.flatMap((list, index) => (index ? [{ text: between }, ...list] : list));
}

function limits({ minimum, maximum, maxLength, maxItems, default: preset }) {
  const said = [];
  if (minimum) said.push(`from ${minimum}`);
  if (maximum !== undefined) said.push(`to ${maximum}`);
  if (maxLength !== undefined) said.push(`at most ${maxLength} characters`);
  if (maxItems !== undefined) said.push(`at most ${maxItems}`);
  if (preset !== undefined && preset !== null) said.push(`default ${JSON.stringify(preset)}`);
  return said.length ? [{ text: `, ${said.join(", ")}` }] : [];
}

/** A value that the schema allows: its own example where it has one. */
export function example(api, schema, depth = 0) {
  const known = resolve(api, schema);
  const given = known.example ?? known.examples?.[0] ?? known.const ?? known.default ?? known.enum?.[0];
  if (given !== undefined && given !== null) return given;
  if (depth > DEPTH_MAX) return null;
  if (known.allOf) return Object.assign({}, ...known.allOf.map((each) => example(api, each, depth + 1)));
  const variant = (known.oneOf ?? known.anyOf)?.find((each) => each.type !== "null");
  if (variant) return example(api, variant, depth + 1);
  return plain(api, known, depth);
}

function plain(api, schema, depth) {
  switch ([schema.type].flat().find((type) => type !== "null")) {
    case "array":
      return [example(api, schema.items ?? {}, depth + 1)];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "string":
      return schema.format === "date-time" ? "2026-01-01T00:00:00Z" : "string";
    default:
      return members(api, schema, depth);
  }
}

function members(api, schema, depth) {
  const entries = Object.entries(schema.properties ?? {});
  const required = entries.filter(([name]) => schema.required?.includes(name));
  const shown = depth === 0 || !required.length ? entries : required;
  return Object.fromEntries(shown.map(([name, value]) => [name, example(api, value, depth + 1)]));
}

/** A call of the endpoint with curl: the required parameters, and a body with the required members. */
export function curl(api, operation, origin) {
  const url = origin + withParameters(api, operation);
  const lines = [operation.method === "get" ? `curl ${quoted(url)}` : `curl -X ${operation.method.toUpperCase()} ${quoted(url)}`];
  const body = operation.requestBody && resolve(api, operation.requestBody);
  const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
  if (type?.startsWith("multipart/")) lines.push("-F file=@document.pdf");
  else if (type) lines.push(`-H ${quoted(`Content-Type: ${type}`)}`, `-d ${quoted(payload(api, media))}`);
  if (streams(operation)) lines[0] = lines[0].replace("curl", "curl -N");
  return lines.join(" \\\n  ");
}

function withParameters(api, { path, parameters }) {
  const known = parameters.map((each) => resolve(api, each));
  const value = (parameter) => parameter.example ?? example(api, parameter.schema ?? {});
  const filled = known
    .filter((each) => each.in === "path" && (each.example ?? resolve(api, each.schema).example) !== undefined)
    .reduce((so, each) => so.replace(`{${each.name}}`, encodeURIComponent(value(each))), path);
  const query = new URLSearchParams();
  for (const each of known) if (each.in === "query" && each.required) query.set(each.name, value(each));
  return query.size ? `${filled}?${query}` : filled;
}

function payload(api, media) {
  const given = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
  if (given !== undefined) return JSON.stringify(given);
  const schema = resolve(api, media?.schema ?? {});
  const whole = example(api, schema);
  if (!schema.required?.length || schema.example || typeof whole !== "object") return JSON.stringify(whole);
  return JSON.stringify(Object.fromEntries(Object.entries(whole).filter(([name]) => schema.required.includes(name))));
}

const streams = ({ responses }) => Object.values(responses ?? {}).some((each) => each.content?.["text/event-stream"]);

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
