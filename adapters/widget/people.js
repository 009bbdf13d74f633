// The shop's people in a conversation: asking for one, hearing from them, and going on with the assistant.

import { isOpen, PersonView } from "./person.js";
import { remember, remembered } from "./memory.js";
import { staffMessage, step } from "./replies.js";
import { Problem } from "./stream.js";
import { languageOf } from "./strings.js";

export class People {
  /** `chat` is the chat they talk in. */
  constructor(chat) {
    this.chat = chat;
    this.strings = chat.strings;
    this.heard = 0; // the number of the last staff message in the log
    this.handover = null;
    this.view = new PersonView(this.strings, { ask: () => this.ask(), goOn: () => this.goOn(), leave: (email) => this.leave(email) });
    document.addEventListener("visibilitychange", () => this.listen());
  }

  get open() {
    return isOpen(this.handover);
  }

  /** The hand-over of the history that is being shown. */
  found(handover) {
    this.handover = handover;
    this.view.show(handover);
    this.listen();
  }

  forget() {
    this.heard = 0;
    remember("heard", null);
    this.handed(null);
  }

  /** Ask the shop for a person, in a new conversation where there is none. */
  async ask(again = true) {
    const { chat } = this;
    this.view.button.disabled = true;
    try {
      await chat.loaded;
      await chat.start({ lost: () => {}, signal: new AbortController().signal });
      this.handed(await chat.desk.call("POST", chat.path("/handover")));
    } catch (error) {
      const lost = again && error instanceof Problem && error.type === "unknown-conversation";
      if (lost) chat.forget();
      if (lost) return this.ask(false);
      chat.sorry(error);
    } finally {
      this.view.button.disabled = false;
    }
    chat.rest();
  }

  async goOn() {
    const { chat } = this;
    try {
      await chat.desk.call("DELETE", chat.path("/handover"));
    } catch (error) {
      return chat.sorry(error);
    }
    await this.refresh();
    chat.rest();
  }

  /** Resolves to what is wrong with the address, or null once the desk has it. */
  async leave(email) {
    const { chat } = this;
    try {
      await chat.desk.call("PUT", chat.path("/handover/email"), { email });
    } catch (error) {
      return chat.explain(error, this.strings.offline);
    }
    await this.refresh();
    chat.rest();
    return null;
  }

  /** The hand-over as the desk has it now; when it cannot be reached, the next event says it. */
  async refresh() {
    const record = await this.chat.desk.call("GET", this.chat.path("")).catch(() => null);
    if (record) this.handed(record.handover);
  }

  /** A hand-over has begun, moved on or ended: say so once, and listen while it is open. */
  handed(handover) {
    const { chat } = this;
    const text = handover && this.news(handover);
    this.handover = handover;
    chat.scroller.keeping(() => {
      this.view.show(handover);
      if (text) chat.log.append(step(text));
    });
    if (text) {
      chat.announce(text, this.strings.lang);
      chat.changed();
    }
    if (Boolean(remembered("handover")) !== this.open) remember("handover", this.open || null);
    this.listen();
  }

  news(handover) {
    const old = this.open ? handover.state === this.handover.state : !isOpen(handover);
    return old ? "" : this.worded(handover);
  }

  /** The step that led to a state, in words. */
  worded({ state, staff, reason }) {
    const { strings } = this;
    if (state === "waiting") return reason === "asked_for_person" ? strings.asked : strings.waiting;
    if (state === "claimed") return strings.joined(staff);
    return state === "resolved" ? strings.resolved(staff) : strings.returned;
  }

  /** What the history shows of a hand-over: the time of each step, and what puts it into the log. */
  steps(handover, messages) {
    if (!handover) return [];
    const { opened_at: opened, closed_at: closed, staff } = handover;
    const entry = (at, state) => [at, () => this.chat.log.append(step(this.worded({ ...handover, state })))];
    const shown = [entry(opened, "waiting")];
    const first = messages.find(({ created_at: at }) => at >= opened); // the desk keeps no time of the claim
    if (staff) shown.push(entry(first?.created_at || closed || "9", "claimed"));
    if (closed) shown.push(entry(closed, handover.state));
    return shown;
  }

  /** Hear from them while they have the conversation and this tab is looked at. */
  listen() {
    const { chat } = this;
    if (!this.open || document.hidden) {
      this.listening?.abort();
      this.listening = null;
    } else if (!this.listening) {
      this.listening = new AbortController();
      const take = (name, data) => {
        if (name === "handover") this.handed(data);
        else if (name === "typing") this.view.typing(data.author);
        else chat.scroller.keeping(() => this.hear(data, true));
      };
      chat.desk.follow(chat.conversation, String(this.heard), take, this.listening.signal);
    }
  }

  hear(message, aloud) {
    const { chat } = this;
    if (message.number <= this.heard) return;
    const isNew = aloud || message.number > (remembered("heard") ?? 0); // said while one page went and the next came
    this.heard = message.number;
    remember("heard", this.heard);
    chat.log.append(staffMessage(message));
    if (isNew && chat.launcher && !chat.launcher.open) chat.launcher.news(chat.launcher.count + 1);
    if (!aloud) return;
    chat.changed();
    chat.announce(`${message.author}: ${message.text}`, languageOf(message.text, this.strings.lang));
  }
}
