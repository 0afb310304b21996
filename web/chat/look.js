// Light or dark, and the language of the page: the reader's own choice, or what the browser says.

import { at } from "./dom.js";

/** Makes the two choices work. */
export function startLook() {
  const theme = at("look-theme");
  theme.value = kept("ibid.theme");
  theme.addEventListener("change", () => {
    keep("ibid.theme", theme.value);
    applyTheme();
  });
  const language = at("look-language");
  language.value = kept("ibid.language");
  language.addEventListener("change", () => {
    keep("ibid.language", language.value);
    location.reload();
  });
}

/** Sets the theme that was chosen. */
export function applyTheme() {
  const theme = kept("ibid.theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function kept(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keep(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing shows the choice until the page is left.
    if (key === "ibid.theme") document.documentElement.dataset.theme = value;
  }
}
