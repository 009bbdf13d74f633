// The button that floats over a shop's page, and the window with the chat that it opens: beside the page on a desk,
// over the whole screen on a phone. Escape closes it, and the focus goes back to the button.

import { h, icon } from "./dom.js";
import { remember, remembered } from "./memory.js";

const PHONE = "(max-width: 480px)";

export class Launcher {
  /** `opened()` is called when the window has opened. */
  constructor(strings, content, opened) {
    this.strings = strings;
    this.opened = opened;
    this.badge = h("span", { class: "badge", hidden: true, "aria-hidden": "true" });
    this.button = h(
      "button",
      { class: "launcher", "aria-expanded": "false", "aria-haspopup": "dialog", onclick: () => this.toggle() },
      icon("chat"),
      icon("close"),
      h("span", { class: "label" }, strings.launch),
      this.badge,
    );
    this.window = h(
      "dialog",
      { class: "window", "aria-label": strings.window, onkeydown: (event) => this.pressed(event), onclose: () => this.gone() },
      content,
    );
    this.news(0);
  }

  get open() {
    return this.window.open;
  }

  /** As this tab had it on the page before; a phone's whole screen is not taken unasked. */
  restore() {
    if (remembered("open", "sessionStorage") && !matchMedia(PHONE).matches) this.show();
  }

  toggle() {
    if (this.open) this.window.close();
    else this.show();
  }

  show() {
    if (matchMedia(PHONE).matches) this.window.showModal();
    else this.window.show();
    this.button.setAttribute("aria-expanded", "true");
    this.news(0);
    remember("open", true, "sessionStorage");
    this.opened();
  }

  pressed(event) {
    const mine = event.target.closest("dialog") === this.window; // not that of a source
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented || !mine) return;
    event.preventDefault();
    this.window.close();
  }

  gone() {
    this.button.setAttribute("aria-expanded", "false");
    remember("open", null, "sessionStorage");
    this.button.focus();
  }

  /** How many messages came while the window was closed. */
  news(count) {
    this.count = count;
    this.badge.hidden = count === 0;
    this.badge.textContent = count;
    const label = count ? `${this.strings.launch} (${this.strings.unread(count)})` : this.strings.launch;
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
  }
}
