/** Shows a person's text as markdown, cleaned of everything that runs, loads or styles. */

import DOMPurify from "dompurify";
import { marked } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";

const LONGEST = 50_000;
const ALLOWED = {
  ALLOWED_TAGS: ["p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "a", "h3", "h4", "h5", "h6", "hr", "del", "table", "thead", "tbody", "tr", "th", "td"],
  ALLOWED_ATTR: ["href"],
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  RETURN_DOM_FRAGMENT: true as const,
};

// A tag in a note is text that its author wrote, such as '<unk>', and stays readable.
marked.use({ renderer: { html: ({ text }) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;") } });

export function Markdown({ text }: { text: string }) {
  const target = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    target.current?.replaceChildren(clean(text));
  }, [text]);
  return <div class="markdown" ref={target} />;
}

function clean(text: string): DocumentFragment {
  // A text of this length is no note, and would hold up the page.
  if (text.length > LONGEST) return plain(`${text.slice(0, LONGEST)}…`);
  const html = marked.parse(text, { async: false, gfm: true, breaks: true });
  const fragment = DOMPurify.sanitize(html, ALLOWED);
  for (const link of fragment.querySelectorAll("a")) {
    link.rel = "noopener noreferrer";
    link.target = "_blank";
  }
  return fragment;
}

function plain(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(text);
  return fragment;
}
