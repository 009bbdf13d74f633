// <shopdesk-chat>: the whole chat as one custom element. It keeps its looks to itself (shadow root), asks nothing of
// the page around it, and talks only to the desk that served this file. On a page without one, the script puts one
// there that floats. Attributes: `floating` is a button that opens the chat, `page` names the page that the chat fills,
// `lang` fixes the language of its own words, `shop` the shop's name, `theme` is "light" or "dark", `side` "left".

import looks from "./chat.css" with { type: "css" };
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { Exchange } from "./exchange.js";
import { Launcher } from "./launcher.js";
import { newId, remember, remembered, visitor } from "./memory.js";
import { People } from "./people.js";
import { question, ReplyView } from "./replies.js";
import { Scroller } from "./scroller.js";
import { SourcePanel } from "./sources.js";
import { Desk, Problem } from "./stream.js";
import { languageOf, stringsFor } from "./strings.js";
import { Toast } from "./toast.js";
import { save, transcript } from "./transcript.js";

const SCRIPT = document.currentScript;
const NOTHING = { turns: [], staff_messages: [], handover: null };

class ShopdeskChat extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const floating = this.hasAttribute("floating");
    this.strings = stringsFor(this.getAttribute("lang") || (floating && document.documentElement.lang) || navigator.language);
    this.desk = new Desk(new URL(".", SCRIPT.src).href.replace(/\/$/, ""), visitor());
    this.shop = { name: this.getAttribute("shop") || "", suggestions: [] };
    this.conversation = remembered("conversation");
    this.shown = new Set(); // the ids of the messages in the log
    this.draw(floating);
    if (floating) this.launcher.restore();
    else this.begin();
    if (remembered("handover")) this.loaded ??= this.load(); // a person may write while the chat is closed
    addEventListener("storage", (event) => this.elsewhere(event));
  }

  draw(floating) {
    const { strings } = this;
    this.welcome = h("section", { class: "welcome", hidden: true });
    this.log = h("ol", { class: "log", role: "list", "aria-label": strings.log });
    this.scroller = new Scroller(strings, this.welcome, this.log);
    this.status = h("div", { class: "unseen", role: "status" });
    this.toast = new Toast();
    this.panel = new SourcePanel(strings);
    this.composer = new Composer(strings, { ask: (text) => this.ask(text), stop: () => this.exchange.stop() });
    this.exchange = new Exchange(this);
    this.people = new People(this);
    const foot = h("div", { class: "foot" }, this.composer.note, this.people.view.button);
    const frame = h(
      "div",
      { class: "chat", lang: strings.lang },
      this.bar(floating),
      this.scroller.element,
      h("footer", {}, h("div", { class: "column" }, this.scroller.latest, this.toast.element, this.people.view.element, this.composer.element, foot)),
      this.status,
      this.panel.element,
    );
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [looks];
    if (floating) {
      this.launcher = new Launcher(strings, frame, () => this.begin());
      root.append(this.launcher.window, this.launcher.button);
    } else root.append(frame);
    this.style.setProperty("--rem", getComputedStyle(this).fontSize); // what the reader chose, whatever the page's root says
  }

  bar(floating) {
    const { strings } = this;
    const tool = (name, label, onclick) => h("button", { class: "round", label: label, onclick }, icon(name));
    this.monogram = h("span", { class: "monogram", "aria-hidden": "true" });
    this.name = h(floating ? "h2" : "h1", { class: "name" }, this.shop.name || strings.shopFallback);
    this.subtitle = h("p", {}, strings.subtitle);
    this.saving = tool("save", strings.save, () => this.save());
    this.clear = tool("again", strings.startOver, () => this.startOver());
    this.saving.hidden = this.clear.hidden = true;
    const close = floating && tool("close", strings.closeChat, () => this.launcher.toggle());
    return h("header", { class: "bar" }, h("div", { class: "column" }, this.monogram, h("div", { class: "who" }, this.name, this.subtitle), this.saving, this.clear, close));
  }

  /** The chat comes into sight: fetch what it shows, once, and wait for a question. */
  begin() {
    this.loaded ??= this.load();
    this.composer.fit();
    this.rest();
    this.scroller.toEnd("instant");
  }

  /** The shop's name, the history, and the reply that was under way when the page was left. */
  async load() {
    const history = this.conversation ? this.desk.call("GET", this.path("")) : null;
    history?.catch(() => {}); // looked at below
    try {
      const { name, ...shop } = await this.desk.call("GET", "/api/shop");
      Object.assign(this.shop, shop, { name: this.shop.name || name });
      this.composer.limit = this.shop.longest_message;
      this.introduce();
      this.restore(history ? await history : NOTHING);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        this.forget();
        this.restore(NOTHING);
      } else {
        this.failed(this.reply(), this.explain(error, this.strings.offline), () => this.reload());
      }
    }
  }

  /** Where the focus waits for the next question: the field, or the log where a field would call up a keyboard. */
  rest() {
    const touch = matchMedia("(pointer: coarse)").matches;
    (touch ? this.scroller.element : this.composer.field).focus({ preventScroll: true });
  }

  /** Where the desk keeps something of this conversation. */
  path(rest) {
    return `/api/conversations/${encodeURIComponent(this.conversation)}${rest}`;
  }

  /** Show nothing, as before the first message. */
  empty() {
    this.log.replaceChildren();
    this.shown.clear();
    this.people.forget();
  }

  reload() {
    this.empty();
    this.loaded = this.load();
  }

  introduce() {
    const name = this.shop.name || this.strings.shopFallback;
    this.name.textContent = name;
    this.subtitle.hidden = !this.shop.name;
    this.monogram.textContent = [...name][0].toUpperCase();
    if (this.hasAttribute("page")) {
      document.title = this.strings.pageTitle(this.shop.name);
      document.documentElement.lang = this.strings.lang;
    }
    const chinese = this.strings.lang.startsWith("zh");
    const ours = this.shop.suggestions.filter((text) => /\p{Script=Han}/u.test(text) === chinese);
    const suggestion = (text) =>
      h("li", {}, h("button", { lang: languageOf(text, this.strings.lang), onclick: () => this.ask(text) }, h("span", {}, text), icon("arrow")));
    const shown = (ours.length ? ours : this.shop.suggestions).slice(0, 4);
    this.welcome.replaceChildren(h("h2", {}, this.strings.greeting), h("p", {}, this.strings.greetingNote));
    if (shown.length) {
      this.welcome.append(h("ul", { role: "list", class: "suggestions", "aria-label": this.strings.suggestions }, ...shown.map(suggestion)));
    }
  }

  restore({ turns, staff_messages: staff, handover }) {
    const pending = remembered("pending");
    const labels = remembered("ratings") || {};
    const answered = turns.filter((turn) => turn.reply);
    const told = answered.map((turn) => [turn.created_at, () => this.tell(turn, labels[turn.turn])]);
    const heard = staff.map((message) => [message.created_at, () => this.people.hear(message)]);
    const steps = this.people.steps(handover, staff);
    for (const [, show] of [...steps, ...told, ...heard].sort(([one], [other]) => one.localeCompare(other))) show();
    this.people.found(handover);
    const open = turns.map(({ message_id, question: text }) => ({ message_id, text }));
    if (pending?.conversation === this.conversation) open.push(pending);
    const last = open.filter(({ message_id: id }) => !answered.some((turn) => turn.message_id === id)).pop();
    this.changed();
    this.scroller.toEnd("instant");
    if (last) this.exchange.send({ message_id: last.message_id, text: last.text });
    else remember("pending", null);
  }

  /** A turn that is over. */
  tell(turn, label) {
    this.shown.add(turn.message_id);
    this.log.append(question(this.strings, turn.question));
    if (turn.reply.reason !== "with_staff") this.reply().finish(turn.reply, label);
  }

  async ask(text) {
    this.composer.write("");
    await this.loaded;
    if (this.exchange.running) {
      this.composer.write(text); // a reply was under way when the page was left: first things first
      return;
    }
    this.toast.hide();
    const sent = this.exchange.send({ message_id: newId(), text });
    if (!this.shadowRoot.activeElement) this.rest(); // a pressed suggestion is gone with the welcome
    await sent;
  }

  /** Have a conversation: the one that is there, or a new one. */
  async start(patience) {
    this.conversation ??= (await this.desk.persist(() => this.desk.call("POST", "/api/conversations"), patience)).conversation;
    remember("conversation", this.conversation);
  }

  startOver() {
    const left = this.conversation;
    this.exchange.leave();
    if (this.people.open) this.desk.call("DELETE", this.path("/handover")).catch(() => {});
    this.forget();
    this.empty();
    this.changed();
    const undo = () => {
      this.toast.hide();
      this.conversation = left;
      remember("conversation", left);
      this.reload();
    };
    this.toast.show(this.strings.cleared, this.strings.undo, undo);
    this.rest();
  }

  forget() {
    this.conversation = null;
    remember("conversation", null);
    remember("pending", null);
  }

  reply() {
    const open = (sources, number) => this.panel.open(sources, number);
    const rate = (turn, label, reason) => this.rate(turn, label, reason);
    const copied = () => this.toast.show(this.strings.copied);
    const view = new ReplyView(this.strings, this.shop.name, { open, rate, copied });
    this.log.append(view.element);
    return view;
  }

  /** Another tab has asked something, begun anew, or asked for a person: this one follows. */
  async elsewhere({ key, newValue }) {
    if (!this.loaded || !key?.startsWith("shopdesk:")) return;
    await this.loaded;
    const conversation = remembered("conversation");
    if (conversation !== this.conversation) {
      this.conversation = conversation;
      this.reload();
    } else if (key === "shopdesk:pending" && newValue) {
      const { message_id, text } = JSON.parse(newValue);
      if (!this.exchange.running && !this.shown.has(message_id)) this.exchange.send({ message_id, text });
    } else if (key === "shopdesk:handover" && conversation) this.people.refresh();
  }

  async save() {
    try {
      save(this.strings.fileName, transcript(this.strings, this.shop.name, await this.desk.call("GET", this.path(""))));
    } catch (error) {
      this.sorry(error);
    }
  }

  async rate(turn, label, reason) {
    try {
      await this.desk.call("PUT", `/api/turns/${encodeURIComponent(turn)}/rating`, { label, reason });
    } catch (error) {
      this.sorry(error);
      return false;
    }
    remember("ratings", { ...remembered("ratings"), [turn]: label });
    if (label === "up" || reason) this.toast.show(this.strings.thanks);
    return true;
  }

  /** What went wrong, in the reader's language: the desk's own words are English. */
  explain(error, otherwise) {
    if (!(error instanceof Problem)) return otherwise;
    if (error.wait) return this.strings.wait(error.wait);
    return this.strings.problems?.[error.type] || (this.strings.problems ? otherwise : error.message || otherwise);
  }

  sorry(error) {
    this.toast.show(this.explain(error, this.strings.offline));
  }

  failed(view, detail, retry) {
    view.fail(detail, retry);
    this.announce(detail, this.strings.lang);
    this.scroller.toEnd();
  }

  /** Show what goes with the present state: the welcome, start over, send or stop. */
  changed() {
    const empty = !this.log.firstChild;
    const stopping = this.shadowRoot.activeElement === this.composer.stopping; // about to be hidden
    this.welcome.hidden = !empty;
    this.saving.hidden = this.clear.hidden = empty;
    this.composer.show(Boolean(this.exchange.running));
    if (stopping && !this.exchange.running) this.rest();
  }

  announce(text, language) {
    this.status.lang = language;
    this.status.textContent = text;
  }
}

/** One chat for a page that has none of its own. */
function place() {
  if (document.querySelector("shopdesk-chat")) return;
  const { shop, lang, theme, side } = SCRIPT.dataset;
  document.body.append(h("shopdesk-chat", { floating: true, shop, lang, theme, side }));
}

if (!customElements.get("shopdesk-chat")) {
  customElements.define("shopdesk-chat", ShopdeskChat);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
}
