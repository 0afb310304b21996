// The clipboard, where the browser has one and where it has not.

import { make } from "./dom.js";

/** Puts a text on the clipboard; says whether that worked. */
export async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

// A page served over plain HTTP has no clipboard of its own; copying a selection works there.
function copiedByHand(text) {
  const held = document.activeElement;
  const area = make("textarea", "unseen", text);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  held?.focus?.({ preventScroll: true });
  return done;
}
