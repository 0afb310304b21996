// Markdown as a fragment of a few harmless elements: parsed by marked, cleaned by DOMPurify.

import { Marked, Tokenizer } from "./marked.esm.js";
import DOMPurify from "./purify.es.mjs";

const CLEAN = {
  ALLOWED_TAGS: [
    "p", "br", "hr", "strong", "em", "del", "code", "pre", "ul", "ol", "li", "blockquote", "h3", "h4", "h5", "h6",
    "table", "thead", "tbody", "tr", "th", "td", "sup", "a",
  ],
  ALLOWED_ATTR: ["start", "align", "data-n", "href"],
  // Every other value has to be an address that may be followed.
  ADD_URI_SAFE_ATTR: ["start", "align", "data-n"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  // The one address that may be followed: a citation of this server.
  ALLOWED_URI_REGEXP: /^\/v1\/citations\/cit_[0-9a-f]{24}$/,
  RETURN_DOM_FRAGMENT: true,
};
const CITATION = /^(?:https?:\/\/[^/]+)?(\/v1\/citations\/cit_[0-9a-f]{24})$/;
const HEADING_FIRST = 3;
const HEADING_LAST = 6;

const citeExtension = {
  name: "cite",
  level: "inline",
  start: (text) => text.match(/\[\d{1,3}\]/)?.index,
  tokenizer(text) {
    const found = /^\[(\d{1,3})\]/.exec(text);
    return found ? { type: "cite", raw: found[0], n: Number(found[1]) } : undefined;
  },
  renderer: ({ n, raw }) => `<sup data-n="${n}">${raw}</sup>`,
};

const tokenizer = {
  // Markup of HTML stays text, and a `[1]: …` defines nothing: all of it is shown as it was written.
  html: () => undefined,
  tag: () => undefined,
  def: () => undefined,
  // Bold that ends at a quotation mark or a bracket with a Korean particle behind it is none under CommonMark's rule for
  // words with spaces between them.
  emStrong(text, masked, previous) {
    const standard = Tokenizer.prototype.emStrong.call(this, text, masked, previous);
    if (standard) return standard;
    const found = /^\*\*([^\s*`](?:[^\n*`]*[^\s*`])?)\*\*(?!\*)/.exec(text);
    return found ? { type: "strong", raw: found[0], text: found[1], tokens: this.lexer.inlineTokens(found[1]) } : undefined;
  },
};

const renderer = {
  heading({ tokens, level = HEADING_FIRST }) {
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
  },
  // An address that a model wrote is read, not followed.
  link({ href, tokens, raw }) {
    const label = this.parser.parseInline(tokens);
    const known = CITATION.exec(href);
    if (known && new URL(href, document.baseURI).origin === location.origin) return `<a href="${known[1]}">${label}</a>`;
    return raw.startsWith("[") ? `${label} (${escaped(href)})` : escaped(raw);
  },
  image: ({ raw }) => escaped(raw),
  checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
};

const marked = new Marked({ gfm: true, extensions: undefined, tokenizer, renderer });
marked.use({ extensions: [citeExtension] });

/** The level of a heading below the question, when the answer's first heading has the depth `first`. */
export const levelOf = (depth, first) => Math.min(Math.max(HEADING_FIRST + depth - first, HEADING_FIRST), HEADING_LAST);

/** The blocks of a text, in order; their `raw` put together is the text. */
export const blocksOf = (text) => marked.lexer(text.replaceAll("\r\n", " \n").replaceAll("\r", "\n"));

/** A block as a fragment; where a `[n]` stood is a `sup` with `data-n`. */
export const fragmentOf = (block) => DOMPurify.sanitize(marked.parser([block]), CLEAN);

const escaped = (text) => text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
