// A short word at the foot of the chat that goes away by itself, with one thing to do about it where there is one.

import { h } from "./dom.js";

export class Toast {
  constructor() {
    this.element = h("div", { class: "toast", role: "status" });
  }

  show(text, action, act) {
    this.hide();
    this.element.append(h("span", {}, text));
    if (action) this.element.append(h("button", { onclick: act }, action));
    this.timer = setTimeout(() => this.hide(), action ? 10000 : 4000);
  }

  hide() {
    clearTimeout(this.timer);
    this.element.replaceChildren();
  }
}
