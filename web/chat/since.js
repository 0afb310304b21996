// What has become of the sources of an answer from before, told below it once they are on the screen.

import { at, make } from "./dom.js";
import { foundToday } from "./fate.js";
import { words } from "./words.js";

/** From what concerns a reader least to what concerns most. */
const STATES = ["same", "moved", "edited", "deleted", "not_permitted"];

const waiting = new WeakMap();
const inSight = new IntersectionObserver(arrived, { root: at("thread") });

/** The checks that are under way: one after another, because each compares a document. */
let line = Promise.resolve();

/** Tells in `note`, once it is in sight, what has become of the sources that `citations` name. */
export function tellSince(note, citations) {
  waiting.set(note, citations);
  inSight.observe(note);
}

function arrived(entries) {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    inSight.unobserve(target);
    line = line.then(() => tell(target, waiting.get(target)));
  }
}

async function tell(note, citations) {
  let worst = 0;
  for (const citation of citations) {
    if (!note.isConnected) return;
    // Whoever opens the source is told why it could not be found.
    const today = await foundToday(citation).catch(() => ({ state: STATES[0] }));
    worst = Math.max(worst, STATES.indexOf(today.state));
  }
  if (worst > 0) note.append(make("span", `since ${STATES[worst]}`, words.since[STATES[worst]]));
}
