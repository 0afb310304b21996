// The page's own words, in the language that the reader chose or the browser has.

import { ENGLISH } from "./words-en.js";
import { KOREAN } from "./words-ko.js";

/** The language of the page's own words. */
export const language = chosen();

/** The words in that language. */
export const words = language === "ko" ? KOREAN : ENGLISH;

/** A whole number as the reader's language writes it. */
export const count = (number) => new Intl.NumberFormat(language).format(number);

/** The language to set a text in: Korean when a good part of its letters are Hangul, else not said. */
export function languageOf(text) {
  const hangul = text.match(/[\uac00-\ud7a3]/g)?.length ?? 0;
  // A Korean word says what takes two or three times as many Latin letters.
  return hangul && hangul * 4 >= (text.match(/[a-z]/gi)?.length ?? 0) ? "ko" : "";
}

/** Puts the words into every element that names one in its markup. */
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", words[element.dataset.label]);
    if (element.matches("button")) element.title = words[element.dataset.label];
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.placeholder = words[element.dataset.placeholder];
  }
}

function chosen() {
  let kept = null;
  try {
    kept = localStorage.getItem("ibid.language");
  } catch {
    // A browser that keeps nothing says its own language.
  }
  return /^ko\b/i.test(kept || navigator.language) ? "ko" : "en";
}
