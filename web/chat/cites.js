// The numbers in an answer: which citation each means, the button it becomes, and what pressing it shows.

import { at, button } from "./dom.js";
import { mark, verdictOf, verdictWord } from "./marks.js";
import { rangeOf } from "./prose.js";
import { open, titleOf } from "./source.js";
import { words } from "./words.js";

const SENTENCE = "ibid-sentence";
const SIGHT_PX = 24;

/** What `render` needs to make the numbers of a turn's answer. */
export const citesOf = (turn, prose) => ({
  key: (n, offset) => keyOf(nearest(turn.answer, n, offset)),
  make: (n, offset) => number(turn, { n, offset, prose }),
});

const keyOf = (citation) => (citation ? `${citation.n} ${citation.id} ${citation.verdict}` : "");

// One passage may carry several sentences, each with a span and a verdict of its own: the number means the one it stands in.
function nearest({ citations }, n, offset) {
  const same = citations.filter((citation) => citation.n === n && citation.location);
  const away = ({ textOffset, start = offset, end = offset }) => (textOffset === offset ? -1 : Math.max(start - offset, offset - end, 0));
  return same.reduce((best, each) => (best && away(best) <= away(each) ? best : each), null);
}

function number(turn, { n, offset, prose }) {
  const citation = nearest(turn.answer, n, offset);
  if (!citation) return null;
  const verdict = verdictOf(citation);
  const made = button(String(n), `cite ${verdict ?? ""}`.trim());
  if (verdict) made.append(mark(verdict));
  made.dataset.n = n;
  made.dataset.id = citation.id;
  made.title = [titleOf(citation), verdictWord(verdict)].filter(Boolean).join(" · ");
  made.setAttribute("aria-label", [words.openSource(n, titleOf(citation)), verdictWord(verdict)].filter(Boolean).join(", "));
  made.addEventListener("click", () => cite(turn, { citation: nearest(turn.answer, n, offset), prose, pressed: made }));
  return made;
}

/** Opens the source of a citation, with its sentence marked and `pressed` to go back to. */
export function cite(turn, { citation, prose, pressed }) {
  const buttons = () => [...prose.querySelectorAll("button.cite")];
  const held = pressed ?? buttons().find(({ dataset }) => dataset.id === citation.id);
  const index = buttons().indexOf(held);
  const step = (by) => (index >= 0 ? buttons()[index + by] : undefined);
  open(citation, {
    isLogged: turn.state !== "running" && turn.isLogged,
    threadId: turn.threadId,
    previous: step(-1),
    next: step(1),
    onClose: () => {
      held?.removeAttribute("aria-current");
      globalThis.CSS?.highlights?.delete(SENTENCE);
      const panelHadFocus = document.activeElement === document.body || at("source").contains(document.activeElement);
      if (panelHadFocus && held?.isConnected) held.focus({ preventScroll: true });
    },
  });
  held?.setAttribute("aria-current", "true");
  const sentence = rangeOf(prose, citation.start ?? 0, citation.end ?? 0);
  if (sentence && globalThis.Highlight) CSS.highlights.set(SENTENCE, new Highlight(sentence));
  if (held) keepInSight(held);
}

// On a narrow screen the panel takes the lower half, where the pressed number may have been.
function keepInSight(pressed) {
  requestAnimationFrame(() => {
    const thread = at("thread");
    const box = thread.getBoundingClientRect();
    const place = pressed.getBoundingClientRect();
    const inSight = place.top > box.top + SIGHT_PX && place.bottom < box.bottom - SIGHT_PX;
    if (!inSight) thread.scrollTop += place.top - box.top - box.height / 2;
  });
}
