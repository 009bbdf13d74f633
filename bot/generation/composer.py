"""The generator without weights: a reply made of the shop's own sentences, the direct answer first.

It is a LangChain chat model like the others. What it may say reaches it with the last message, as the statements that
the engine found and ranked (`STATEMENTS` in its `additional_kwargs`); a message without any is declined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from bot.generation.transformers_chat import StreamedChatModel, plain_text
from bot.phrases import phrases
from bot.statements import Statement, led
from knowledge.languages import detect, is_cjk
from retrieval.lexical import STOPWORDS, units

STATEMENTS = "shopdesk_statements"
LENGTH = 340  # characters of a reply, at most as a rule: what is read at a glance on a phone
ENOUGH = 140  # a direct answer of this length is left alone
NEXT_SHARE = 0.72  # a neighbour is added when it answers at least this well beside the best statement
ALSO_SHARE, ALSO_AMONG, ALSO = 0.3, 5, 2  # others, when among the first so many, answering so well; at most so many
NEW_SHARE = 0.4  # and so much of its words is new
_LEANS = re.compile(
    r"(?:It|That|This|They|These|Those|There|Then|And|But|Or|So|Otherwise|Also|Either|Both|Here)\b|(?:那|这|它|但|而|所以|否则|也)"
)
# What leads into a list says the condition of each item ("For Northern Ireland:"), or denies it ("We don't take:").
_CONDITION = re.compile(
    r"(?:for|if|in|on|with|within|without|when|while|during|after|before|until|to|from|unless|except|excluded|exempt|only"
    r"|not|no|never|we|you|they|it|these|this|orders|items|members)\b|若|如|对|凡|在|以下|下列|不|只|仅|除|我们|您",
    re.I,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|am|can|cannot|could|may|might|must|will|would|should|shall|do|does|did|has|have|had"
    r"|(?:is|are|was|were|ca|could|must|wo|would|should|do|does|did|has|have)n['’]t|\w+['’](?:s|re|ll|ve|m|d)"
    r"|ask|add|apply|applies|bring|buy|call|charge[sd]?|check|choose|come|comes|contact|cost|costs|deduct|expires?|fill"
    r"|find|get|gets|give|gives|go|goes|keep|leave|leaves|let|make|means?|need|needs|open|opens|order|pay|pays|pick|please"
    r"|post|press|put|refund|register|reply|return|ring|run|runs|say|says|send|sends|ship|ships|show|start|starts|stay"
    r"|stays|take|takes|tell|turn|use|wait|wash|works?|write)\b",
    re.I,
)
_LONGEST_LEAD = 120  # characters
_CLOSED = re.compile(r"[。！？；：][”’）」』》]*$")  # Chinese stops carry their own space
_END = re.compile(r"[.!?。！？…:：;；][\"'”’)）]*$")


class ExtractiveChatModel(StreamedChatModel):
    """Composes the reply from the best supported statements; streams it sentence by sentence."""

    model_name: str = "extractive"

    @property
    def _llm_type(self) -> str:
        return "extractive"

    @property
    def identity(self) -> dict[str, str]:
        """No model, no LoRA."""
        return {"model": "extractive", "lora": ""}

    def get_num_tokens(self, text: str) -> int:
        """Words and Chinese characters; there is no limit to keep to."""
        return len(re.findall(r"\w", text)) // 4 + 1

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """The sum over the messages; tools are not supported and count nothing."""
        return sum(self.get_num_tokens(plain_text(message)) for message in messages)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        question = plain_text(messages[-1]) if messages else ""
        ranked = messages[-1].additional_kwargs.get(STATEMENTS, ()) if messages else ()
        language = detect(question)
        sentences = compose(ranked, language) or [phrases(language).not_found]
        asked = self.get_num_tokens_from_messages(messages)
        written = 0
        for number, sentence in enumerate(sentences):
            piece = sentence if number == 0 or _CLOSED.search(sentences[number - 1]) else f" {sentence}"
            piece, cut = _until(piece, stop)
            written += self.get_num_tokens(piece)
            last = cut or number == len(sentences) - 1
            usage = {"input_tokens": asked, "output_tokens": written, "total_tokens": asked + written} if last else None
            chunk = ChatGenerationChunk(
                message=AIMessageChunk(
                    content=piece,
                    usage_metadata=usage,  # type: ignore[arg-type]
                    response_metadata={"model_name": "extractive"} if last else {},
                    chunk_position="last" if last else None,
                )
            )
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
            if last:
                return


def _until(text: str, stop: Sequence[str] | None) -> tuple[str, bool]:
    """The text up to the first stop sequence, and whether there was one."""
    ends = [at for at in (text.find(end) for end in stop or ()) if at >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def compose(ranked: Sequence[Statement], language: str = "en") -> list[str]:
    """The sentences of the reply to what `ranked` (best first) answers; none when it is empty."""
    picked = chosen(ranked)
    sentences = _sentences([*picked, *also(ranked, picked)], language)
    subject = ranked[0].subject if ranked else ""
    if subject and subject not in sentences[0]:
        sentences[0] = f"{subject}：{sentences[0]}" if language == "zh" else f"{subject}: {_lower(sentences[0])}"
    return sentences


def chosen(ranked: Sequence[Statement]) -> list[Statement]:
    """The best statement and those beside it, under the same heading, that complete it, in the document's order."""
    if not ranked:
        return []
    best = ranked[0]
    beside = {s.order: s for s in ranked if s.passage == best.passage and s.heading == best.heading}
    low = high = best.order
    if _LEANS.match(best.text) and low - 1 in beside and _fits(beside, low - 1, high):
        low -= 1
    while not best.row and high + 1 in beside and _fits(beside, low, high + 1):
        following = beside[high + 1]
        if following.row:
            break
        short = sum(len(beside[o].text) for o in range(low, high + 1)) < ENOUGH
        opens = beside[low].text.endswith((":", "：")) and following.lead == beside[low].text.rstrip(" :：")
        if not (opens or _LEANS.match(following.text) or (short and following.score >= NEXT_SHARE * best.score)):
            break
        high += 1
    return [beside[order] for order in range(low, high + 1)]


def also(ranked: Sequence[Statement], picked: Sequence[Statement]) -> list[Statement]:
    """Other statements that answer nearly as well and are new: the condition, the other half, or the right one."""
    length = sum(len(_complete(statement)) + 1 for statement in picked)
    said = {word for statement in picked for word in units(statement.text)}
    found: list[Statement] = []
    for statement in ranked[1:ALSO_AMONG]:
        new = set(units(statement.text)) - STOPWORDS
        longer = length + len(_beside(statement, picked[0])) + 1
        leans = _LEANS.match(statement.text) or statement.text.endswith((":", "："))
        if len(found) == ALSO or statement in picked or leans or longer > LENGTH:
            continue
        if statement.score >= ALSO_SHARE * ranked[0].score and len(new - said) >= NEW_SHARE * len(new):
            found.append(statement)
            said |= new
            length = longer
    return found


def _fits(beside: dict[int, Statement], low: int, high: int) -> bool:
    return sum(len(beside[order].text) + 1 for order in range(low, high + 1)) <= LENGTH


def _sentences(picked: Sequence[Statement], language: str) -> list[str]:
    """The statements as sentences of a reply; the items of one list make one, behind what leads into it."""
    found: list[str] = []
    before: Statement | None = None
    for statement in picked:
        if before is not None and _goes_on(before, statement):
            between = " " if found[-1].endswith((":", "：")) else "；" if language == "zh" else "; "
            found[-1] = _sentence(f"{found[-1].rstrip('.。')}{between}{_lower(statement.text)}", language)
        else:
            found.append(_sentence(_beside(statement, picked[0]), language))
        before = statement
    return found


def _beside(statement: Statement, best: Statement) -> str:
    """A statement as it is said after the best one: what another section explains would be taken for a rule of this.

    That is a bare phrase, a row, and any Chinese statement, as those leave out what is understood. A heading that asks
    stands before it as it is: "Your size has sold out? You are refunded in full."
    """
    text, heading = _complete(statement), statement.subject or statement.heading
    same = (statement.passage, statement.heading) == (best.passage, best.heading)
    explained = not (statement.row or is_bare(text) or detect(text) == "zh")
    if same or explained or heading in text:
        return text
    if heading.endswith(("?", "？")):
        return f"{heading}{'' if is_cjk(heading[0]) else ' '}{text}"
    return led(heading, text)


def _goes_on(before: Statement, statement: Statement) -> bool:
    """Whether a statement is the next item of the list that the one before it is an item of, or leads into."""
    beside = (before.passage, before.order + 1) == (statement.passage, statement.order)
    return beside and statement.lead != "" and statement.lead in (before.lead, before.text.rstrip(" :："))


def _sentence(text: str, language: str) -> str:
    """A text as a sentence of a reply: capital first, a full stop at the end."""
    if not _END.search(text):
        text += "。" if language == "zh" else "."
    return text[:1].upper() + text[1:]


def _complete(statement: Statement) -> str:
    """A statement with what it takes to be understood alone: the lead of its list, or the heading of a bare phrase."""
    return _unbracketed(_explained(statement))


def _unbracketed(text: str) -> str:
    """A text without the bracket that a sentence beside it has the other half of."""
    if text.startswith("(") and ")" not in text:
        return text[1:]
    return text[:-1] if text.endswith(")") and "(" not in text else text


def _explained(statement: Statement) -> str:
    bare = not statement.row and is_bare(statement.text)
    if 0 < len(statement.lead) <= _LONGEST_LEAD and (bare or _CONDITION.match(statement.lead)):
        return statement.whole
    asks = statement.heading.endswith(("?", "？"))
    if bare and not asks and _CONDITION.match(statement.heading) and len(statement.heading) <= _LONGEST_LEAD:
        return led(statement.heading, _lower(statement.text))
    return statement.text


def is_bare(text: str) -> bool:
    """Whether an English text is no sentence: "Cheques and postal orders." says nothing by itself."""
    return detect(text) == "en" and not text.endswith(":") and _VERB.search(text) is None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
