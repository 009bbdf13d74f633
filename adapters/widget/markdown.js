// A small, safe Markdown: paragraphs, line breaks, lists, tables, headings, bold, italics, code; links as their text.
// It builds nodes and text nodes only, so nothing in a reply or a passage can become markup of its own.

import { h } from "./dom.js";

const ITEM = /^\s{0,6}(?:[-*+•]|(\d{1,3})[.)])\s+(.*)$/;
const CLOSING = /^[.!?。！？”"’)）]*/;
const LINK = /!?\[([^\]\n]*)\]\([^)\s]*(?:\s+"[^"]*")?\)/g;
const INLINE = /\*\*(?=\S)(.+?)\*\*|__(?=\S)(.+?)__|`([^`\n]+)`|(?<![\p{L}\p{N}*])\*(?=[^\s*])([^*\n]+?)\*(?![\p{L}\p{N}*])/gu;

/** The nodes of a text. */
export function markdown(text) {
  const blocks = [];
  const lines = text.replace(LINK, "$1").split("\n");
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (!line.trim()) at += 1;
    else if (/^\s*\|.*\|\s*$/.test(line)) at = table(lines, at, blocks);
    else if (ITEM.test(line)) at = list(lines, at, blocks);
    else if (/^#{1,6}\s/.test(line)) {
      blocks.push(h("p", { class: "heading" }, ...inline(line.replace(/^#+\s+/, "").replace(/\s+#+$/, ""))));
      at += 1;
    } else at = paragraph(lines, at, blocks);
  }
  return blocks;
}

function paragraph(lines, at, blocks) {
  const block = h("p");
  for (; at < lines.length && lines[at].trim(); at += 1) {
    if (block.firstChild && (ITEM.test(lines[at]) || /^#{1,6}\s/.test(lines[at]) || /^\s*\|.*\|\s*$/.test(lines[at]))) break;
    if (block.firstChild) block.append(h("br"));
    block.append(...inline(lines[at].trim().replace(/^>\s?/, "")));
  }
  blocks.push(block);
  return at;
}

function list(lines, at, blocks) {
  const first = ITEM.exec(lines[at]);
  const block = first[1] ? h("ol", { start: first[1] === "1" ? null : first[1] }) : h("ul");
  for (; at < lines.length; at += 1) {
    const item = ITEM.exec(lines[at]);
    if (item && Boolean(item[1]) === Boolean(first[1])) block.append(h("li", {}, ...inline(item[2])));
    else if (!item && lines[at].trim() && /^\s{2,}/.test(lines[at])) block.lastChild.append(" ", ...inline(lines[at].trim()));
    else break;
  }
  blocks.push(block);
  return at;
}

function table(lines, at, blocks) {
  const rows = [];
  for (; at < lines.length && /^\s*\|.*\|\s*$/.test(lines[at]); at += 1) {
    if (/^[\s|:-]+$/.test(lines[at])) continue;
    const cells = lines[at].trim().slice(1, -1).split("|");
    const tag = rows.length ? "td" : "th";
    rows.push(h("tr", {}, ...cells.map((cell) => h(tag, tag === "th" ? { scope: "col" } : {}, ...inline(cell.trim())))));
  }
  blocks.push(h("div", { class: "table" }, h("table", {}, ...rows)));
  return at;
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(end, match.index));
    const bold = match[1] ?? match[2];
    if (bold !== undefined) nodes.push(h("strong", {}, bold));
    else if (match[3] !== undefined) nodes.push(h("code", {}, match[3]));
    else nodes.push(h("em", {}, match[4]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

/** Marks where a quote stands in rendered Markdown, letters and digits compared only. Returns the first mark or null. */
export function highlight(root, quote) {
  const wanted = letters(quote.replace(LINK, "$1"));
  const places = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let text = "";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let offset = 0; offset < node.data.length; offset += 1) {
      const letter = letters(node.data[offset]);
      for (const unit of letter) {
        text += unit;
        places.push([node, offset]);
      }
    }
  }
  const start = wanted ? text.indexOf(wanted) : -1;
  if (start < 0) return null;
  const [[from, first], [to, last]] = [places[start], places[start + wanted.length - 1]].map(([node, offset]) => [offset, node]);
  const nodes = [...new Set(places.slice(start, start + wanted.length).map(([node]) => node))];
  const marks = nodes.map((node) => {
    const end = node === last ? to + 1 + CLOSING.exec(node.data.slice(to + 1))[0].length : node.length;
    const marked = node.splitText(node === first ? from : 0);
    marked.splitText(end - (node === first ? from : 0));
    const mark = h("mark");
    marked.replaceWith(mark);
    mark.append(marked);
    return mark;
  });
  return marks[0];
}

function letters(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}£$€¥%]/gu, "");
}
