// Where the shopper stands with the shop's people: the button that asks for one, and the notice that says what happens.

import { h, icon } from "./dom.js";
import { localeOf } from "./strings.js";

/** Whether a person has the conversation, or is waited for. */
export function isOpen(handover) {
  return handover?.state === "waiting" || handover?.state === "claimed";
}

export class PersonView {
  /** `ask()` asks for a person, `goOn()` goes on with the assistant, `leave(email)` resolves to what is wrong with it, or null. */
  constructor(strings, { ask, goOn, leave }) {
    this.strings = strings;
    this.leave = leave;
    this.button = h("button", { class: "pill person", onclick: ask }, icon("person"), strings.person);
    this.title = h("p", { class: "state" });
    this.detail = h("p", { class: "detail" });
    this.field = h("input", { type: "email", required: true, maxlength: 254, autocomplete: "email", "aria-label": strings.email, placeholder: strings.email });
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.form = h(
      "form",
      { class: "email", novalidate: true, onsubmit: (event) => this.submit(event) },
      this.field,
      h("button", { type: "submit", class: "solid" }, strings.emailSend),
      this.wrong,
    );
    this.element = h(
      "section",
      { class: "notice", "aria-label": strings.personState, hidden: true },
      h("div", { class: "said" }, this.title, this.detail),
      this.form,
      h("button", { class: "quiet", onclick: goOn }, icon("again"), strings.goOn),
    );
  }

  show(handover) {
    this.handover = handover;
    const open = isOpen(handover);
    this.element.hidden = !open;
    this.button.hidden = open;
    if (!open) return;
    const { strings } = this;
    const claimed = handover.state === "claimed";
    const away = !claimed && !handover.staffed;
    this.title.textContent = claimed ? strings.withPerson(handover.staff) : away ? strings.away : strings.waiting;
    this.detail.textContent = this.explained(handover, claimed, away);
    this.form.hidden = !away || Boolean(handover.email);
    this.wrong.textContent = "";
  }

  explained({ email, opens_at: opensAt }, claimed, away) {
    const { strings } = this;
    if (claimed) return this.author ? strings.typing(this.author) : "";
    if (email) return strings.emailKept(email);
    return away ? this.back(opensAt) : strings.waitingDetail;
  }

  /** When people are back, in the shopper's own time. */
  back(opensAt) {
    const format = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
    return opensAt ? this.strings.back(new Date(opensAt).toLocaleString(localeOf(this.strings), format)) : this.strings.backUnknown;
  }

  /** Somebody is writing, or nobody ("") any more. */
  typing(author) {
    this.author = author;
    this.show(this.handover);
  }

  async submit(event) {
    event.preventDefault();
    this.wrong.textContent = "";
    const wrong = await this.leave(this.field.value.trim());
    this.wrong.textContent = wrong || "";
    if (wrong) this.field.focus();
  }
}
