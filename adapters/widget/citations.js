// The numbers in a reply's text: small buttons behind the words that rest on a source. The desk says where they stand.

import { h } from "./dom.js";

// Letters of the private use area stand for the numbers while Markdown is read; a text has none of its own.
const MARK = /[\uE000-\uF8FF]/g;
const FIRST = 0xe000;

/** A reply's text with `mark(number)`, from 0 on, behind all that rests on that source. Spans count code points. */
export function cited({ text, sources }, mark) {
  const letters = Array.from(text);
  sources.forEach(({ spans }, number) => {
    for (const [, end] of spans) letters[end - 1] += mark(number);
  });
  return letters.join("");
}

/** A reply's text for `markdown`; `placeMarks` turns the letters in it into buttons. */
export function withMarks({ text, sources }) {
  return cited({ text: text.replace(MARK, "\uFFFD"), sources }, (number) => String.fromCharCode(FIRST + number));
}

/** Puts `button(number)` in place of each mark; no line ends between it and the letter before it. */
export function placeMarks(root, button) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  const placed = (letter) => (letter.match(MARK) ? button(letter.charCodeAt() - FIRST) : letter);
  for (const text of texts) {
    const parts = text.data.split(/(.?[\uE000-\uF8FF]+)/u);
    text.replaceWith(...parts.map((part, at) => (at % 2 ? h("span", { class: "cited" }, ...Array.from(part, placed)) : part)));
  }
}
