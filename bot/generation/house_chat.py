"""The house generator as a LangChain chat model: sentences with capitals, out of the statements that the engine ranked.

It stands where the composer stands: the statements reach it with the last message (`STATEMENTS` in its
`additional_kwargs`), and the instructions that other models need are left out. Of a history it reads the last turns
that fit. It knows English; Chinese is left to the composer, and so is a message without statements.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self, cast

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from bot.generation import house
from bot.generation.composer import STATEMENTS, ExtractiveChatModel
from bot.generation.surface import restored
from bot.generation.transformers_chat import StreamedChatModel, TransformersChatModel, plain_text
from bot.messages import Message
from knowledge.languages import detect
from knowledge.sentences import split_paragraph

TURNS = 2  # of a history, question and reply
REPLY = 90  # tokens, at most: the longest that it learnt from


class HouseChatModel(StreamedChatModel):
    """A model that learnt what `bot.generation.house` says; its stream gives whole sentences.

    The last chunk's `response_metadata` has `statements`: the places, in the ranking, of those that the reply rests on.
    """

    inner: TransformersChatModel
    composer: ExtractiveChatModel = Field(default_factory=ExtractiveChatModel)

    @property
    def _llm_type(self) -> str:
        return "house"

    @property
    def identity(self) -> dict[str, str]:
        """The base model and the LoRA, for the turn's record."""
        return self.inner.identity

    def with_lora(self, folder: Path, name: str) -> Self:
        """The same model with a LoRA over it, told by that name. Raises GenerationError where it does not fit."""
        return type(self)(inner=self.inner.with_lora(folder, name), composer=self.composer)

    def get_num_tokens(self, text: str) -> int:
        """The tokens of a bare text."""
        return self.inner.get_num_tokens(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """The tokens of the prompt that is made of these messages; tools are not supported and count nothing."""
        return self.inner.count_tokens(self._prompt(messages)[0])

    def doubt(self, messages: Sequence[BaseMessage]) -> float | None:
        """How likely, in [0, 1], none of the statements answers; None where it cannot say.

        That is the probability with which it would begin to write the decline. Raises GenerationError.
        """
        prompt, said = self._prompt(messages)
        if not self._can_read(prompt, said):
            return None
        (none,) = self.inner.get_token_ids(str(house.NONE))
        return float(self.inner.probabilities(prompt, "[")[none])

    def _can_read(self, prompt: Sequence[BaseMessage], said: Sequence[str]) -> bool:
        """Whether there are statements, and they and the question are in the language that it knows."""
        return bool(said) and {detect(plain_text(prompt[-1])), detect("\n".join(said))} == {"en"}

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        prompt, said = self._prompt(messages)
        if not self._can_read(prompt, said):
            yield from self.composer._stream(messages, stop, run_manager, **kwargs)
            return
        looks = [*said, house.NOT_FOUND, plain_text(prompt[-1])]
        written, shown, metadata = "", 0, dict[str, Any]()
        stream = cast(
            "Generator[ChatGenerationChunk]", self.inner._stream(prompt, stop, **{"max_new_tokens": REPLY} | kwargs)
        )
        with closing(stream) as pieces:
            for piece in pieces:
                written += plain_text(piece.message)
                last = piece.message.response_metadata
                if last:
                    metadata = {**last, "usage": getattr(piece.message, "usage_metadata", None)}
                sentences = _sentences(house.read(written).text, looks)
                ready = sentences if last else sentences[:-1]
                for sentence in ready[shown:]:
                    yield self._chunk(f" {sentence}" if shown else sentence, run_manager)
                    shown += 1
        yield self._last(house.read(written), metadata)

    def _chunk(self, text: str, run_manager: CallbackManagerForLLMRun | None) -> ChatGenerationChunk:
        chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
        if run_manager:
            run_manager.on_llm_new_token(text, chunk=chunk)
        return chunk

    def _last(self, written: house.Written, metadata: dict[str, Any]) -> ChatGenerationChunk:
        usage = metadata.pop("usage", None)
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                chunk_position="last",
                usage_metadata=usage,
                response_metadata={**metadata, "statements": list(written.chosen)},
            )
        )

    def _prompt(self, messages: Sequence[BaseMessage]) -> tuple[list[BaseMessage], list[str]]:
        """The messages for the model, and the statements among them."""
        said = house.lines(messages[-1].additional_kwargs.get(STATEMENTS, ())) if messages else []
        talk = [message for message in messages[:-1] if isinstance(message, HumanMessage | AIMessage)][-2 * TURNS :]
        history = [Message("user" if isinstance(m, HumanMessage) else "assistant", plain_text(m)) for m in talk]
        room = (self.inner.context_length or 10**6) - REPLY
        question = plain_text(messages[-1]) if messages else ""
        return house.messages(question, history, said, lambda whole: self.inner.count_tokens(whole) <= room), said


def _sentences(text: str, looks: Sequence[str]) -> list[str]:
    return split_paragraph(restored(text, looks)) if text else []
