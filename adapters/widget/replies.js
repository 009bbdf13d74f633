// How a question and a reply look in the log: the words, the sources under them, the thumbs.

import { placeMarks, withMarks } from "./citations.js";
import { h, icon } from "./dom.js";
import { markdown } from "./markdown.js";
import { languageOf } from "./strings.js";

/** A question as an entry of the log. */
export function question(strings, text) {
  return h(
    "li",
    { class: "turn question" },
    h("span", { class: "unseen" }, strings.you),
    h("p", { class: "bubble", lang: languageOf(text, strings.lang) }, text),
  );
}

/** What a person of the shop wrote, as an entry of the log. */
export function staffMessage({ author, text }) {
  return h(
    "li",
    { class: "turn staff" },
    h("p", { class: "author" }, h("span", { class: "initial", "aria-hidden": "true" }, [...author][0]), author),
    h("div", { class: "bubble words", lang: languageOf(text, "") || null }, ...markdown(text)),
  );
}

/** A step of the conversation, between what was said. */
export function step(text) {
  return h("li", { class: "step" }, text);
}

/** A reply as an entry of the log, from the first sign of life to the thumbs. */
export class ReplyView {
  /** `open(sources, number)` shows a source, `rate(turn, label, reason)` resolves when the desk has taken it. */
  constructor(strings, shop, { open, rate, copied }) {
    this.strings = strings;
    this.copied = copied;
    this.open = open;
    this.rate = rate;
    this.text = "";
    this.words = h("div", { class: "words" });
    this.stage = h("span", { class: "stage" });
    this.typing = h("div", { class: "typing" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), this.stage);
    this.bubble = h("div", { class: "bubble" }, this.words, this.typing);
    this.element = h("li", { class: "turn reply" }, h("span", { class: "unseen" }, strings.shopSaid(shop)), this.bubble);
    this.say(strings.searching);
  }

  say(stage) {
    this.stage.textContent = stage;
  }

  restart() {
    this.text = "";
    this.words.replaceChildren();
  }

  add(text) {
    this.text += text;
    this.say(this.strings.writing);
    this.drawing ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.drawing);
    this.drawing = null;
    this.words.lang = languageOf(this.text, this.strings.lang);
    this.words.replaceChildren(...markdown(this.text));
    this.typing.classList.toggle("small", Boolean(this.text));
  }

  /** The reply as it is kept: its text is the last word. */
  finish(reply, label) {
    this.text = withMarks(reply);
    this.draw();
    placeMarks(this.words, (number) => this.mark(reply.sources, number));
    this.typing.remove();
    if (reply.stopped) this.bubble.append(h("p", { class: "aside" }, this.strings.stopped));
    if (reply.sources.length) this.bubble.append(this.chips(reply.sources));
    this.element.append(this.thumbs(reply.turn, label));
  }

  fail(detail, retry) {
    this.draw();
    this.typing.remove();
    const again = h("button", { class: "pill", onclick: retry }, icon("again"), this.strings.tryAgain);
    this.bubble.append(h("div", { class: "failure" }, icon("warning"), h("p", {}, detail), again));
  }

  /** The number in the text. It is drawn by the style sheet, so that who copies or hears the text gets the words alone. */
  mark(sources, number) {
    const label = this.strings.source(number + 1, sourceName(sources, number));
    return this.opener("cite", sources, number, { label, "data-number": number + 1 });
  }

  chips(sources) {
    const chip = (source, number) => {
      const name = sourceName(sources, number);
      return h(
        "li",
        {},
        this.opener(
          "chip",
          sources,
          number,
          { "aria-label": this.strings.source(number + 1, name) },
          h("span", { class: "number", "aria-hidden": "true" }, number + 1),
          h("span", { class: "title", lang: languageOf(source.title, this.strings.lang) }, name),
        ),
      );
    };
    return h("ul", { class: "chips", role: "list", "aria-label": this.strings.sources }, ...sources.map(chip));
  }

  opener(name, sources, number, attributes, ...children) {
    return h("button", { class: name, "aria-haspopup": "dialog", onclick: () => this.open(sources, number), ...attributes }, ...children);
  }

  thumbs(turn, label) {
    const thumb = (name, title) =>
      h("button", {
        class: "thumb",
        label: title,
        "aria-pressed": String(name === label),
        onclick: () => choose(name),
      }, icon(name));
    const up = thumb("up", this.strings.helpful);
    const down = thumb("down", this.strings.notHelpful);
    const row = h("div", { class: "thumbs" }, up, down, navigator.clipboard && this.copier());
    const press = (name) => {
      up.setAttribute("aria-pressed", String(name === "up"));
      down.setAttribute("aria-pressed", String(name === "down"));
    };
    const choose = async (name) => {
      const before = up.ariaPressed === "true" ? "up" : down.ariaPressed === "true" ? "down" : null;
      press(name);
      row.parentNode.querySelector(".reasons")?.remove();
      if (!(await this.rate(turn, name, ""))) press(before);
      else if (name === "down") row.after(this.reasons(turn, down));
    };
    return row;
  }

  copier() {
    const { copy } = this.strings;
    const act = () => navigator.clipboard.writeText(this.words.innerText).then(this.copied);
    return h("button", { class: "thumb", label: copy, onclick: act }, icon("copy"));
  }

  reasons(turn, thumb) {
    const { strings } = this;
    const toggle = (event) => {
      const button = event.currentTarget;
      button.setAttribute("aria-pressed", String(button.ariaPressed !== "true"));
    };
    const options = strings.reasons.map((reason) =>
      h("button", { class: "pill", "aria-pressed": "false", onclick: toggle }, reason),
    );
    const more = h("input", { type: "text", maxlength: 500, "aria-label": strings.reasonMore, placeholder: strings.reasonMore });
    const leave = () => {
      form.remove();
      thumb.focus();
    };
    const send = async (event) => {
      event.preventDefault();
      const given = options.filter((button) => button.ariaPressed === "true").map((button) => button.textContent);
      const reason = [...given, more.value.trim()].filter(Boolean).join("; ");
      if (!reason || (await this.rate(turn, "down", reason))) leave();
    };
    const form = h(
      "form",
      { class: "reasons", onsubmit: send, onkeydown: (event) => event.key === "Escape" && (event.preventDefault(), leave()) },
      h("p", {}, strings.reasonTitle),
      h("div", { class: "options" }, ...options),
      more,
      h(
        "div",
        { class: "row" },
        h("button", { class: "quiet", onclick: leave }, strings.reasonSkip),
        h("button", { type: "submit", class: "solid" }, strings.reasonSend),
      ),
    );
    queueMicrotask(() => form.scrollIntoView({ block: "nearest" }));
    return form;
  }
}

/** A source's title; where another has the same, with the last heading above it. */
function sourceName(sources, number) {
  const { title, heading } = sources[number];
  const repeated = sources.filter((other) => other.title === title).length > 1;
  return [title, repeated && heading.at(-1)].filter(Boolean).join(" · ");
}
