// One question on its way to the desk, and its reply on the way back: sent once, followed to its end, stopped at will.

import { remember } from "./memory.js";
import { question } from "./replies.js";
import { Problem } from "./stream.js";

export class Exchange {
  /** `chat` is the chat it takes place in. */
  constructor(chat) {
    this.chat = chat;
    this.strings = chat.strings;
    this.running = null; // the message whose reply is under way, how it is shown, and what ends it
  }

  /** Send a message and follow its reply to the end. */
  async send(message) {
    const { chat } = this;
    chat.log.append(question(this.strings, message.text));
    chat.shown.add(message.message_id);
    const view = chat.reply();
    view.element.hidden = chat.people.open; // the assistant is silent
    const running = { message, view, abort: new AbortController(), waiting: false };
    this.running = running;
    chat.changed();
    chat.scroller.toEnd();
    try {
      await this.converse(running);
    } catch (error) {
      if (running.abort.signal.aborted) return;
      if (error instanceof Problem && error.status < 500) remember("pending", null);
      chat.failed(view, chat.explain(error, this.strings.failed), () => {
        if (this.running) return;
        this.remove(view);
        this.send(message);
      });
    } finally {
      if (this.running === running) {
        this.running = null;
        chat.changed();
      }
    }
  }

  async converse(running) {
    const { chat } = this;
    const { message, view } = running;
    const lost = (seconds) => {
      running.waiting = Boolean(seconds);
      view.element.hidden = false;
      view.say(seconds ? this.strings.wait(seconds) : this.strings.reconnecting);
    };
    const patience = { lost, signal: running.abort.signal };
    const take = (name, data, fresh) => {
      running.waiting = false;
      this.take(view, name, data, fresh);
    };
    for (let again = true; ; again = false) {
      await chat.start(patience);
      remember("pending", { conversation: chat.conversation, ...message });
      try {
        await chat.desk.converse(chat.conversation, message, take, patience);
        return;
      } catch (error) {
        if (!again || !(error instanceof Problem) || error.type !== "unknown-conversation") throw error;
        chat.forget(); // the desk has lost it (a new home folder, an erasure): the question goes to a new one
      }
    }
  }

  take(view, name, data, fresh) {
    this.chat.scroller.keeping(() => {
      view.element.hidden = false; // a person had the conversation, and yet the assistant speaks
      if (fresh) view.restart();
      if (name === "status") view.say(this.strings[data.stage] || this.strings.searching);
      else if (name === "text") view.add(data.text);
      else if (name === "done") this.finished(view, data);
    });
  }

  finished(view, reply) {
    const { chat } = this;
    remember("pending", null);
    if (reply.reason === "with_staff") return view.element.remove();
    if (reply.outcome === "handover") chat.people.refresh();
    view.finish(reply, null);
    const spoken = Array.from(view.words.children, (block) => block.textContent).join(" ");
    chat.announce(`${this.strings.answered}: ${spoken}`, view.words.lang);
  }

  async stop() {
    const { chat, running } = this;
    if (!running) return;
    chat.rest(); // a disabled button would lose the focus
    if (running.waiting || !chat.conversation) return this.takeBack(running);
    chat.composer.stopping.disabled = true;
    const message = encodeURIComponent(running.message.message_id);
    await chat.desk.call("POST", chat.path(`/messages/${message}/stop`)).catch(() => (chat.composer.stopping.disabled = false));
  }

  /** A message that the desk has not taken yet goes back to the field. */
  takeBack(running) {
    const { chat } = this;
    running.abort.abort();
    this.running = null;
    remember("pending", null);
    this.remove(running.view);
    chat.composer.write(running.message.text);
    chat.changed();
  }

  /** Stop, and look no further. */
  leave() {
    const { running } = this;
    if (!running) return;
    this.stop();
    running.abort.abort();
    this.running = null;
  }

  /** A reply and its question go from the log. */
  remove(view) {
    view.element.previousElementSibling.remove();
    view.element.remove();
  }
}
