// Why a question brought these passages: asked of the search when somebody wants to know, and shown as a table.

import { explained } from "./agui.js";
import { languageOf, words } from "./words.js";

const TERMS_SHOWN = 6;

/** A button that shows, at its first press, why a search brought its passages. */
export function whyButton(search) {
  const outer = document.createElement("div");
  outer.className = "why";
  const button = outer.appendChild(document.createElement("button"));
  button.type = "button";
  button.textContent = words.why;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      outer.replaceChildren(...report(await explained(search.query, search.passages.length)));
    } catch (error) {
      button.disabled = false;
      outer.append(paragraph(error.message || words.unreachable, "error"));
    }
  });
  return outer;
}

function report({ explanation, hits, notices = [] }) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  const said = words.whyWeights(percent(explanation.vector_weight), percent(1 - explanation.vector_weight));
  const table = document.createElement("table");
  table.append(row("th", ["", words.whyWords, words.whyMeaning, words.whyTerms]));
  hits.forEach((hit, index) => {
    const { keyword, vector } = hit.legs ?? {};
    table.append(row("td", [index + 1, place(keyword), place(vector), terms(hit.matched_terms ?? [])]));
  });
  return [paragraph(said), ...notices.map((notice) => paragraph(notice)), table];
}

/** A passage's rank in a leg, and what it brought to the fused score. */
function place(leg) {
  return leg ? `${leg.rank}. · ${(leg.weight * leg.normalized).toFixed(2)}` : "–";
}

function terms(matched) {
  const best = new Map();
  for (const { term, score } of matched) best.set(term, Math.max(score, best.get(term) ?? 0));
  const sorted = [...best].sort((a, b) => b[1] - a[1]).map(([term]) => term);
  return sorted.slice(0, TERMS_SHOWN).join(", ") + (sorted.length > TERMS_SHOWN ? " …" : "") || "–";
}

function row(tag, cells) {
  const made = document.createElement("tr");
  for (const text of cells) {
    const cell = made.appendChild(document.createElement(tag));
    cell.textContent = text;
    cell.lang = languageOf(String(text));
  }
  return made;
}

function paragraph(text, name = "") {
  const made = document.createElement("p");
  made.className = name;
  made.textContent = text;
  return made;
}
