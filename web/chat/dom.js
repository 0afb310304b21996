// How elements are made: by name, class and text, and never from markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with a class and a text. */
export function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined && text !== null && text !== "") made.textContent = text;
  return made;
}

/** A button that does something; `label` is what it shows. */
export function button(label, name, press) {
  const made = make("button", name, label);
  made.type = "button";
  if (press) made.addEventListener("click", press);
  return made;
}

/** A picture of strokes on a field of 16 by 16, which nobody hears of. */
export function icon([path, filled], name = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: name, "aria-hidden": "true" })) svg.setAttribute(key, value);
  svg.append(stroke(path), ...(filled ? [stroke(filled, "filled")] : []));
  return svg;
}

function stroke(path, name) {
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  if (name) drawn.setAttribute("class", name);
  return drawn;
}

/** A button that shows a picture and says its label. */
export function iconButton(path, label, { name = "", press } = {}) {
  const made = button("", `iconic ${name}`.trim(), press);
  made.append(icon(path));
  made.setAttribute("aria-label", label);
  made.title = label;
  return made;
}

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/**
 * Lets `build` fill `root` when `signature` changed, and leaves it alone otherwise, so that what is open,
 * selected or in focus stays so.
 */
export function redraw(root, signature, build) {
  if (root.dataset.shown === signature) return;
  root.dataset.shown = signature;
  root.replaceChildren(...build());
}

/** What the pictures show: strokes, and where there is a second path, what is filled. */
export const PATHS = {
  close: ["M3 3l10 10M13 3L3 13"],
  rename: ["M3 13l.6-2.8L10.8 3l2.2 2.2-7.2 7.2L3 13z"],
  remove: ["M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5"],
  helpful: ["M5.5 7.2L8 2.5c1.2 0 1.7.8 1.5 2L9.2 6.5h3.3c.8 0 1.2.7 1 1.4l-1 4.3c-.2.8-.7 1.3-1.5 1.3H5.5M2.5 7.2h3v6.3h-3z"],
  unhelpful: ["M5.5 8.8L8 13.5c1.2 0 1.7-.8 1.5-2L9.2 9.5h3.3c.8 0 1.2-.7 1-1.4l-1-4.3c-.2-.8-.7-1.3-1.5-1.3H5.5M2.5 8.8h3V2.5h-3z"],
  earlier: ["M10 3L5 8l5 5"],
  later: ["M6 3l5 5-5 5"],
  supported: ["M3 8.5l3.2 3.2L13 4.8"],
  partial: ["M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11", "M8 2.5a5.5 5.5 0 1 0 0 11z"],
  unsupported: ["M8 2L14.5 13.5H1.5zM8 6.2v3.4M8 11.4v.6"],
};
