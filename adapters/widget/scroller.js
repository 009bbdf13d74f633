// The part of the chat that scrolls. It stays at the latest word unless the reader has scrolled away from it.

import { h, icon } from "./dom.js";

export class Scroller {
  constructor(strings, ...content) {
    this.latest = h(
      "button",
      { class: "latest", hidden: true, label: strings.latest, onclick: () => this.toEnd() },
      icon("latest"),
    );
    this.element = h(
      "main",
      { class: "scroller", tabindex: "0", "aria-label": strings.log, onscroll: () => (this.latest.hidden = this.nearEnd()) },
      h("div", { class: "column" }, ...content),
    );
  }

  /** Do something to the log; a reader who was at its end still is. */
  keeping(change) {
    const stick = this.nearEnd();
    change();
    if (stick) requestAnimationFrame(() => this.toEnd("instant"));
  }

  nearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 96;
  }

  toEnd(behavior) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.scrollTo({ top: this.element.scrollHeight, behavior: behavior || (calm ? "instant" : "smooth") });
  }
}
