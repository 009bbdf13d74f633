// The panel that shows a cited passage with the quoted sentence marked. At the side on a desk, from below on a phone.

import { h, icon } from "./dom.js";
import { highlight, markdown } from "./markdown.js";
import { languageOf } from "./strings.js";

export class SourcePanel {
  constructor(strings) {
    this.strings = strings;
    const button = (name, label, onclick) =>
      h("button", { class: "round", label: label, onclick }, icon(name));
    this.previous = button("left", strings.previous, () => this.show(this.number - 1));
    this.next = button("right", strings.next, () => this.show(this.number + 1));
    this.position = h("p", { class: "position" });
    this.title = h("h2", { tabindex: "-1", id: "source-title" });
    this.trail = h("p", { class: "trail" });
    this.passage = h("div", { class: "passage words", tabindex: "0" });
    this.element = h(
      "dialog",
      { class: "panel", "aria-labelledby": "source-title", onclick: (event) => event.target === this.element && this.element.close() },
      h(
        "div",
        { class: "sheet" },
        h("div", { class: "top" }, this.position, this.previous, this.next, button("close", strings.close, () => this.element.close())),
        this.title,
        this.trail,
        this.passage,
      ),
    );
  }

  /** Opens at a source; the browser gives the focus back to the chip when the panel closes. */
  open(sources, number) {
    this.sources = sources;
    this.previous.hidden = this.next.hidden = sources.length === 1;
    this.element.showModal();
    this.show(number);
    this.title.focus();
  }

  show(number) {
    const source = this.sources[number];
    this.number = number;
    this.position.textContent = this.strings.position(number + 1, this.sources.length);
    this.previous.disabled = number === 0;
    this.next.disabled = number === this.sources.length - 1;
    this.title.textContent = source.title;
    this.trail.textContent = source.heading.join(" › ");
    this.element.lang = this.strings.lang;
    const language = languageOf(source.passage || source.quote, this.strings.lang);
    for (const part of [this.title, this.trail, this.passage]) part.lang = language;
    this.passage.replaceChildren(...markdown(source.passage || source.quote));
    const mark = highlight(this.passage, source.quote);
    this.passage.scrollTop = 0;
    if (mark) mark.scrollIntoView({ block: "center" });
    else if (source.quote) this.passage.prepend(this.quoted(source.quote));
  }

  quoted(quote) {
    return h("figure", {}, h("figcaption", {}, this.strings.usedHere), h("blockquote", {}, ...markdown(quote)));
  }
}
