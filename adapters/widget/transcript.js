// The conversation as a text file for the shopper to keep.

import { cited } from "./citations.js";
import { localeOf } from "./strings.js";

/** What was said, in order, from the desk's own record of it. */
export function transcript(strings, shop, { turns, staff_messages: staff }) {
  const name = shop || strings.shopFallback;
  const said = [
    ...turns.flatMap(({ created_at: at, question, reply }) => [
      [at, strings.youShort, question],
      ...(reply?.text ? [[at, name, [cited(reply, (number) => `[${number + 1}]`), ...reply.sources.map(({ title }, index) => `[${index + 1}] ${title}`)].join("\n")]] : []),
    ]),
    ...staff.map(({ created_at: at, author, text }) => [at, `${author} (${name})`, text]),
  ];
  said.sort(([one], [other]) => one.localeCompare(other));
  const entries = said.map(([at, who, text]) => `${who}, ${new Date(at).toLocaleString(localeOf(strings))}\n${text}\n`);
  return [`${name}\n`, ...entries].join("\n");
}

/** Hand a text to the browser as a download. */
export function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
