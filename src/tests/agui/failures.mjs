// A run that fails, as both generations of the official client see it: one error in words, and an end.
//
// node failures.mjs BASE_URL QUESTION CODE

import { ajvOf, load, must, newId, script } from "./harness.mjs";

const GENERATIONS = { "1.0.0": "@ag-ui/client", "0.0.59": "ag-ui-client-0" };
const TERMINAL = ["RUN_FINISHED", "RUN_ERROR"];

const warnings = [];
console.warn = (...parts) => warnings.push(parts.map(String).join(" "));

const valid = ajvOf("Event");

await script("failures.mjs BASE_URL QUESTION CODE", 3, async (base, question, code) => {
  for (const [version, module] of Object.entries(GENERATIONS)) {
    const agent = new (load(module).HttpAgent)({ url: new URL("/api/agent", base).href, threadId: newId("thread") });
    const events = [];
    const told = [];
    agent.addMessage({ id: newId("msg"), role: "user", content: question });
    const listening = { onEvent: ({ event }) => void events.push(event), onRunErrorEvent: ({ event }) => void told.push(event) };
    await agent.runAgent({ runId: newId("run") }, listening).catch((error) => must(false, `${version}: the run is not rejected`, String(error)));
    must(told.length === 1 && told[0].code === code && told[0].message, `${version}: the client is told of ${code} in words`, told);
    const terminal = events.filter((event) => TERMINAL.includes(event.type));
    must(terminal.length === 1 && events.at(-1) === terminal[0], `${version}: the error is the one terminal event and the last`, events.map((event) => event.type));
    for (const event of events) must(valid(event), `${version}: every event is valid under schema 1.0`, { event, errors: valid.errors?.slice(0, 3) });
    const warned = warnings.filter((line) => line.includes("[ag-ui]"));
    must(!warned.length, `${version}: the client has nothing to warn of`, warned);
  }
  return { code };
});
