// The list of conversations on a narrow screen: a drawer that opens over the page.

import { at } from "./dom.js";

const narrow = matchMedia("(max-width: 64rem)");

/** Makes the drawer work. */
export function startDrawer() {
  const toggle = at("threads-toggle");
  toggle.addEventListener("click", () => (isOut() ? shutDrawer() : pull()));
  at("veil").addEventListener("click", shutDrawer);
  at("threads-close").addEventListener("click", () => {
    shutDrawer();
    toggle.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOut() || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    shutDrawer();
    toggle.focus();
  });
  narrow.addEventListener("change", settle);
  settle();
}

/** Puts the drawer away, where there is one. */
export function shutDrawer() {
  document.body.classList.remove("drawn");
  settle();
}

const isOut = () => document.body.classList.contains("drawn");

function pull() {
  document.body.classList.add("drawn");
  settle();
  at("threads").querySelector("a[tabindex='0'], #threads-close")?.focus();
}

// What is behind an open drawer, or in a shut one, is out of reach of Tab and of a screen reader.
function settle() {
  const out = narrow.matches && isOut();
  at("threads-toggle").setAttribute("aria-expanded", String(out));
  at("threads").inert = narrow.matches && !out;
  for (const id of ["thread", "foot", "source"]) at(id).inert = out;
  at("veil").hidden = !out;
}
