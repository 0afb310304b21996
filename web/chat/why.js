// Why a question brought these passages: asked of the search when somebody wants to know, and shown as a table.

import { button, make } from "./dom.js";
import { explained } from "./server.js";
import { languageOf, words } from "./words.js";

const TERMS_SHOWN = 6;
/** How many passages are explained when nobody counted those of the run. */
const PASSAGES_SHOWN = 8;

/** A button that shows, at its first press, why a search brought its passages. */
export function whyButton({ query, k = PASSAGES_SHOWN, filter }) {
  const outer = make("div", "why");
  outer.append(
    button(words.why, "plain", async ({ currentTarget: pressed }) => {
      pressed.disabled = true;
      try {
        outer.replaceChildren(...report(await explained(query, { k, filter })));
        outer.tabIndex = 0;
        outer.setAttribute("role", "group");
        outer.setAttribute("aria-label", words.why);
        outer.focus({ preventScroll: true });
      } catch (error) {
        pressed.disabled = false;
        outer.append(make("p", "error", error instanceof TypeError ? words.unreachable : error.message));
      }
    }),
  );
  return outer;
}

function report({ explanation, hits, evidence, notices = [] }) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  const said = [words.whyWeights(percent(explanation.vector_weight), percent(1 - explanation.vector_weight))];
  if (evidence) said.unshift(words.evidence(percent(evidence.score), evidence.sufficient));
  const table = make("table");
  table.append(row("th", ["#", words.whyTitle, words.whyWords, words.whyMeaning, words.whyTerms]));
  hits.forEach((hit, index) => {
    const { keyword, vector } = hit.legs ?? {};
    table.append(row("td", [index + 1, hit.title || hit.uri, place(keyword), place(vector), terms(hit.matched_terms ?? [])]));
  });
  return [...said, ...notices].map((line) => make("p", "", line)).concat(table);
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
  const made = make("tr");
  for (const text of cells) {
    const cell = made.appendChild(make(tag, "", String(text)));
    cell.lang = languageOf(cell.textContent);
  }
  return made;
}
