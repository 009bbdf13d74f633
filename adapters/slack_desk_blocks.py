"""How a hand-over looks in Slack: the post at the head of its thread, the transcript, the draft, the Home tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.slack_text import Block, button, escaped, section, short, sources_block
from bot.desk import Desk
from bot.messages import Draft, Handover, StaffMessage, Turn

REASONS: Mapping[str, str] = {
    "asked": "the shopper asked for a person",
    "asked_for_person": "the shopper asked for a person",
    "self_harm": "the shopper may be in danger",
    "safety": "something about safety",
    "legal": "a legal matter",
    "payment_dispute": "a disputed payment",
    "upset": "the shopper is upset",
    "declined_twice": "the documents did not have the answer, twice",
    "repeated_question": "the answer did not help, and was asked for again",
}
STATES = {
    "waiting": ":bell: *A shopper waits for a person*",
    "claimed": ":speech_balloon: *{staff} has this*",
    "returned": ":leftwards_arrow_with_hook: *Given back to the bot*",
    "resolved": ":white_check_mark: *Resolved*",
}
TOLD = "What you write in this thread goes to the shopper, with your name. Mention the bot to ask it something instead."
LONGEST_SAID = 1_200  # characters of one side's words in a transcript
TRANSCRIPT = 10  # turns
MOST_WAITING = 20


def root(handover: Handover, desk: Desk) -> Block:
    """The post at the head of a thread: who, why, and what can be done."""
    state = STATES[handover.state].format(staff=escaped(handover.staff))
    lines = [f"{state}: {why(handover)}.", f"Conversation `{handover.conversation[:8]}`, since {since(handover)}."]
    if handover.email:
        lines.append(f"Answer by e-mail: {escaped(handover.email)}")
    if handover.is_open and not desk.is_staffed():
        lines.append("It is outside office hours; the shopper has been told when people are back.")
    blocks = [section("\n".join(lines))]
    if handover.is_open:
        blocks += [_buttons(handover), {"type": "context", "elements": [{"type": "mrkdwn", "text": TOLD}]}]
    return {"text": f"Hand-over: {why(handover)}", "blocks": blocks}


def _buttons(handover: Handover) -> Block:
    claim = [button("Claim", "claim", handover.id, "primary")] if handover.state == "waiting" else []
    others = [
        button("Use draft", "draft", handover.id),
        button("Give back to the bot", "return", handover.id),
        button("Resolve", "resolve", handover.id),
    ]
    return {"type": "actions", "elements": [*claim, *others]}


def why(handover: Handover) -> str:
    """The reason in words."""
    return REASONS.get(handover.reason, escaped(handover.reason))


def since(handover: Handover) -> str:
    """When it was opened, to the minute."""
    return f"{handover.opened_at[:16].replace('T', ' ')} UTC"


def transcript_blocks(turns: Sequence[Turn]) -> list[Block]:
    """The last turns, with what each reply cited."""
    left_out = len(turns) - TRANSCRIPT
    head = [section(f"_{left_out} earlier messages are left out._")] if left_out > 0 else []
    return [*head, *(block for turn in turns[-TRANSCRIPT:] for block in turn_blocks(turn))] or [
        section("_Nothing was said yet._")
    ]


def turn_blocks(turn: Turn) -> list[Block]:
    """What the shopper wrote, and what the bot said to it, if it did."""
    blocks = [section(f":bust_in_silhouette: *Shopper:* {_said(turn.question)}")]
    if turn.reply is not None and turn.reply.text:
        blocks += [section(f":robot_face: *Bot:* {_said(turn.reply.text)}"), *sources_block(turn.reply.sources)]
    return blocks


def said_block(message: StaffMessage) -> Block:
    """What staff wrote to the shopper somewhere else."""
    return section(f":outbox_tray: *{escaped(message.author)}* wrote to the shopper: {_said(message.text)}")


def draft_blocks(draft: Draft) -> list[Block]:
    """What the bot would say."""
    if not draft.text:
        return [section("_The documents have no answer to draft from._")]
    from_staff = " _From a document that shoppers may not see._" if draft.staff_only else ""
    return [section(f":memo: *Draft:* {_said(draft.text)}{from_staff}"), *sources_block(draft.sources)]


def home_view(waiting: Sequence[Handover], figures: Mapping[str, int]) -> Block:
    """The Home tab."""
    counts = [
        f"{sum(figures.get(outcome, 0) for outcome in ('answer', 'decline', 'clarify', 'handover'))} questions",
        f"{figures.get('answer', 0)} answered",
        f"{figures.get('decline', 0)} not known",
        f"{figures.get('handovers', 0)} handed over",
        f"{figures.get('up', 0)} thumbs up",
        f"{figures.get('down', 0)} thumbs down",
    ]
    open_ones = [section(_line(handover)) for handover in waiting[:MOST_WAITING]] or [section("Nobody waits.")]
    more = [section(f"_{len(waiting) - MOST_WAITING} more._")] if len(waiting) > MOST_WAITING else []
    blocks = [_header("Waiting"), *open_ones, *more, _header("Today"), section(" · ".join(counts))]
    return {"type": "home", "blocks": blocks}


def _line(handover: Handover) -> str:
    who = f"{escaped(handover.staff)} has it" if handover.staff else "nobody has it yet"
    return f"*{why(handover)}* since {since(handover)}, {who}"


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _said(text: str) -> str:
    return escaped(short(text, LONGEST_SAID))
