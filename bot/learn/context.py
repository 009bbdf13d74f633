"""What stood before a rated question, as the desk gives it to a generator: the instructions and the talk so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot.generation import prompts
from bot.messages import Turn
from bot.phrases import phrases
from knowledge.documents import Chunk
from knowledge.languages import detect

ChatMessage = dict[str, str]  # `role` and `content`


def instructions(turn: Turn, looked_at: Sequence[Chunk], shop: str) -> str:
    """The instructions over the passages that the reply rests on, or where it rests on none, those `looked_at`."""
    sources = turn.reply.sources if turn.reply else ()
    passages = [(source.title, source.heading, source.passage) for source in sources]
    passages = passages or [(chunk.title, chunk.heading, chunk.text) for chunk in looked_at]
    listed = [f"[{n}] {' > '.join((title, *heading))}\n{text}" for n, (title, heading, text) in enumerate(passages, 1)]
    language = detect(turn.question)
    return prompts.instructions(
        "\n\n".join(listed) or "(no passages)",
        shop=shop,
        day=date.fromisoformat(turn.created_at[:10]),
        language=language,
        not_found=phrases(language).not_found,
    )


def before(turns: Sequence[Turn], turn: Turn) -> list[ChatMessage]:
    """The last messages before a turn of the conversation, as the desk's own prompt has them."""
    earlier = turns[: [one.id for one in turns].index(turn.id)]
    return [ChatMessage(role=one.role, content=one.text) for one in prompts.talk(earlier)]
