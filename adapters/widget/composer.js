// Where a question is written: a field that grows, one button that sends or stops, and the small print under it.

import { h, icon } from "./dom.js";

export class Composer {
  /** `ask(text)` is called with what was written, `stop()` when the running reply shall end. */
  constructor(strings, { ask, stop }) {
    this.strings = strings;
    this.ask = ask;
    this.limit = 4000;
    this.busy = false;
    this.field = h("textarea", {
      rows: "1",
      "aria-label": strings.field,
      placeholder: strings.placeholder,
      enterkeyhint: "send",
      autocomplete: "off",
      oninput: () => this.fit(),
      onkeydown: (event) => this.pressed(event),
    });
    const button = (name, label, attributes) => h("button", { class: `act ${name}`, label: label, ...attributes }, icon(name));
    this.sending = button("send", strings.send, { type: "submit" });
    this.stopping = button("stop", strings.stop, { hidden: true, onclick: stop });
    this.note = h("p", { class: "note" }, strings.note);
    this.element = h("form", { class: "composer", onsubmit: (event) => this.submit(event) }, this.field, this.sending, this.stopping);
  }

  pressed(event) {
    const composing = event.isComposing || event.keyCode === 229; // Enter picks a word of an input method
    if (event.key === "Enter" && !event.shiftKey && !composing) this.submit(event);
  }

  submit(event) {
    event.preventDefault();
    if (this.valid()) this.ask(this.field.value.trim());
  }

  valid() {
    const { length } = this.field.value.trim();
    return !this.busy && length > 0 && length <= this.limit;
  }

  write(text) {
    this.field.value = text;
    this.fit();
  }

  /** While a reply is being written, the button stops it. */
  show(busy) {
    this.busy = busy;
    this.sending.hidden = busy;
    this.stopping.hidden = !busy;
    this.stopping.disabled = false;
    this.fit();
  }

  /** Grow the field with its text, and say when there is too much of it. */
  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
    const over = this.field.value.trim().length > this.limit;
    this.sending.disabled = !this.valid();
    this.note.textContent = over ? this.strings.tooLong(this.limit) : this.strings.note;
    this.note.classList.toggle("wrong", over);
    this.field.setAttribute("aria-invalid", String(over));
  }
}
