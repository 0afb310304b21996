// What a listener is told, once each time.

import { at } from "./dom.js";

const SHOWN_MS = 2500;

let timer = null;

/** Tells a listener, and nobody else. */
export function announce(text) {
  at("announcer").textContent = text;
}

/** Tells a listener, and shows it to everybody for a moment. */
export function say(text) {
  const toast = at("toast");
  clearTimeout(timer);
  toast.textContent = text;
  toast.classList.add("shown");
  timer = setTimeout(() => {
    toast.classList.remove("shown");
    toast.textContent = "";
  }, SHOWN_MS);
}
