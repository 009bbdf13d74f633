"""The LoRA that the pointer names, over the base: a running desk swaps it between two replies.

One look at the pointer's file a reply tells whether it has changed. Then a thread loads the new LoRA while the old one
goes on speaking, and one reference is swapped at the end: a reply keeps the model that it began with. Each LoRA is a
network of its own over the very same weights of the base, so that one more costs its own few megabytes, the base is
never touched, and rolling back gives what was there before to the bit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from bot.errors import GenerationError, LearningError
from bot.generation.house_chat import HouseChatModel
from bot.generation.transformers_chat import StreamedChatModel, TransformersChatModel
from bot.learn.pointer import Pointer, Stamp, fit_run, read, stamp
from bot.learn.runs import fingerprint

_log = logging.getLogger(__name__)
LocalModel = TransformersChatModel | HouseChatModel


@dataclass(frozen=True, slots=True)
class _Speakers:
    """A pointer of which each run is loaded, with the models by run."""

    pointer: Pointer = field(default_factory=Pointer)
    models: Mapping[str, LocalModel] = field(default_factory=dict)


class LearntChatModel(StreamedChatModel):
    """The base, or the LoRA over it that was promoted last; `for_conversation` gives the one of a conversation.

    A LoRA that is damaged, or not of this base, is told in one warning; what spoke before goes on. Where nothing spoke
    before, at the start, it is the newest of the earlier ones that fits, or the base.
    """

    base: LocalModel
    base_fingerprint: str
    home: Path

    _seen: Stamp | None = PrivateAttr(None)
    _speakers: _Speakers = PrivateAttr(default_factory=_Speakers)
    _loading: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @classmethod
    def over(cls, base: LocalModel, home: Path) -> Self:
        """With the LoRA that the pointer in `home` names loaded. Raises LearningError where the base has no files."""
        model = cls(base=base, base_fingerprint=fingerprint(base.identity["model"]), home=home)
        if stamp(home) is not None:
            with model._loading:
                model._load(at_start=True)
        return model

    def for_conversation(self, conversation: str) -> BaseChatModel:
        """The model to write a whole reply with; a pointer that has changed is followed beside it."""
        if stamp(self.home) != self._seen and self._loading.acquire(blocking=False):
            threading.Thread(target=self._load_aside, name="lora", daemon=True).start()
        speakers = self._speakers
        run = speakers.pointer.run_for(conversation)
        return speakers.models[run] if run else self.base

    @property
    def current(self) -> LocalModel:
        """The model that speaks where no canary does."""
        speakers = self._speakers
        return speakers.models[speakers.pointer.run] if speakers.pointer.run else self.base

    @property
    def _llm_type(self) -> str:
        return "learnt"

    @property
    def identity(self) -> dict[str, str]:
        """The base model and the run that is current, for a record."""
        return self.current.identity

    @property
    def context_length(self) -> int | None:
        """How many tokens the prompt and the reply may have together; None where the model sets no limit."""
        return getattr(self.base, "context_length", None)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """The tokens of the prompt that is made of these messages; a LoRA does not change them."""
        return self.base.get_num_tokens_from_messages(messages, tools)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        return self.current._stream(messages, stop, run_manager, **kwargs)

    def _load_aside(self) -> None:
        try:
            self._load()
        finally:
            self._loading.release()

    def _load(self, at_start: bool = False) -> None:
        """Follows the pointer until it rests; the lock is held. One that cannot be followed is not tried again."""
        while (seen := stamp(self.home)) != self._seen:
            self._seen = seen
            try:
                pointer = read(self.home)
                self._speakers = self._earlier(pointer) if at_start else self._opened(pointer)
            except (LearningError, GenerationError) as error:
                _log.warning("%s; %s goes on", error, self._speakers.pointer.run or "the base")
            else:
                _log.info("now speaks: %s", self._speakers.pointer.run or "the base")

    def _opened(self, pointer: Pointer) -> _Speakers:
        known = self._speakers.models
        return _Speakers(pointer, {name: known.get(name) or self._model(name) for name in pointer.runs})

    def _earlier(self, pointer: Pointer) -> _Speakers:
        """The pointer's own run, or the newest before it that can be loaded; the base where there is none."""
        attempts = [pointer, replace(pointer, canary=None)] if pointer.canary else [pointer]
        attempts += [Pointer(run=name) for name in pointer.previous if pointer.run]
        for attempt in attempts:
            try:
                return self._opened(attempt)
            except (LearningError, GenerationError) as error:
                _log.warning("%s; an earlier one speaks, or the base", error)
        return _Speakers()

    def _model(self, name: str) -> LocalModel:
        run = fit_run(self.home, name, self.base_fingerprint)
        return self.base.with_lora(run.lora, run.id)


def learnt(model: BaseChatModel, home: Path) -> BaseChatModel:
    """A local model as one that follows the pointer in `home`; any other as it is, since there is nothing to train."""
    if not isinstance(model, LocalModel):
        return model
    try:
        return LearntChatModel.over(model, home)
    except LearningError as error:
        _log.warning("no LoRA can speak: %s", error)
        return model


def speaking(model: BaseChatModel, conversation: str) -> BaseChatModel:
    """The model to write a conversation's next reply with."""
    return model.for_conversation(conversation) if isinstance(model, LearntChatModel) else model
