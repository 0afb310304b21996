// What the page asks of the server beside runs: threads, citations, documents, feedback, uploads.

/** What the server said went wrong, with its status and the code it gave. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What the service holds and whether it is still indexing. */
export const status = (signal) => read("v1/status", { signal });

/** The collections, by name. */
export const collections = async () => (await read("v1/collections")).collections;

/** A page of the threads, the newest first. */
export const threads = (cursor) => read("v1/threads", { query: { limit: 50, cursor } });

/** A thread with its turns, the oldest first. */
export const thread = (id, signal) => read(`v1/threads/${part(id)}`, { signal });

/** Gives a thread another title. */
export const renameThread = (id, title) => send("PATCH", `v1/threads/${part(id)}`, { title });

/** Deletes a thread with all that was said in it. */
export const deleteThread = (id) => send("DELETE", `v1/threads/${part(id)}`);

/** A run as it was logged. */
export const turn = (runId) => read(`v1/runs/${part(runId)}`);

/** Asks the server to stop a run. */
export const cancelRun = (runId) => send("POST", `v1/runs/${part(runId)}/cancel`);

/** Says whether an answer helped, or takes that back when there is nothing to say. */
export const sendFeedback = (runId, feedback) => send(feedback ? "PUT" : "DELETE", `v1/runs/${part(runId)}/feedback`, feedback);

/** A citation as it was made, and what has become of its source. */
export const citation = (id, signal) => read(`v1/citations/${part(id)}`, { signal });

/** A document without its text. */
export const documentOf = (id) => read(`v1/documents/${part(id)}`);

/** The text of a document between two byte offsets; the server snaps them to characters. */
export const documentText = (id, { start, end }, signal) => read(`v1/documents/${part(id)}/text`, { query: { start, end }, signal });

/** The search for a question as an answer makes it, with what explains its hits. */
export const explained = (query, { k, filter = {} }) => send("POST", "v1/search", { query, k, filter, plain: true, explain: true });

/**
 * Sends a file into a collection and gives the documents that it became. `onProgress` hears what share has gone out,
 * which only XMLHttpRequest can tell.
 */
export function upload(collection, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
      if (lengthComputable) onProgress(loaded / Math.max(total, 1));
    });
    request.addEventListener("load", () => {
      const body = parsed(request.responseText);
      if (request.status < 300 && body) resolve(body.documents ?? []);
      else reject(refused(request.status, request.statusText, body));
    });
    request.addEventListener("error", () => reject(new TypeError("not reached")));
    request.open("POST", new URL(`../v1/collections/${part(collection)}/documents`, document.baseURI));
    request.setRequestHeader("Accept", "application/json");
    request.send(form);
  });
}

/** The error for a response that is none that was asked for. */
export async function refusal(response) {
  return refused(response.status, response.statusText, await response.json().catch(() => null));
}

const part = encodeURIComponent;

function refused(status, text, body) {
  return new Refused(status, body?.error?.code ?? `http_${status}`, body?.error?.message ?? `HTTP ${status} ${text}`.trim());
}

async function read(path, { query = {}, signal } = {}) {
  const url = new URL(`../${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null) url.searchParams.set(name, value);
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

async function send(method, path, body) {
  const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
  const response = await fetch(new URL(`../${path}`, document.baseURI), { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw await refusal(response);
  return parsed(await response.text());
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
