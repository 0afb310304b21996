// A question of the page itself, before something is gone for good.

import { at } from "./dom.js";

const dialog = at("confirm");

/** Asks, and gives whether the answer was yes. */
export function confirmed(question, yes) {
  at("confirm-question").textContent = question;
  at("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  at("confirm-no").focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

at("confirm-yes").addEventListener("click", () => dialog.close("yes"));
at("confirm-no").addEventListener("click", () => dialog.close(""));
