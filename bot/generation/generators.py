"""Who writes the reply: chat models behind one seam, LangChain's `BaseChatModel`.

`load_generator` takes the `generator` setting: `extractive`, `remote:<provider>:<model>`, or the folder or hub name of
a causal language model; one with the house's own chat template gets the statements that were ranked, not whole pages.
Streaming is the only way to generate: a full answer is the joined stream. Whatever goes wrong reaches the caller as
GenerationError, with its cause chained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from bot.errors import GenerationError
from bot.generation.checkpoints import first_line
from bot.generation.house import TEMPLATE
from bot.generation.house_chat import HouseChatModel
from bot.generation.transformers_chat import StreamedChatModel, TransformersChatModel, plain_text

__all__ = ["RemoteChatModel", "TransformersChatModel", "describe", "load_generator"]


def load_generator(name: str, *, lora: Path | None = None, max_new_tokens: int = 200) -> BaseChatModel:
    """The chat model that a `generator` setting names; see the module's docstring for the three forms.

    Raises GenerationError, in one line, if it cannot be loaded: an unknown name, weights that are missing or not
    safetensors, a provider's package or key that is missing, a LoRA that does not fit.
    """
    kind = name.partition(":")[0]
    if kind not in ("extractive", "remote"):
        model = TransformersChatModel.load(name, lora=lora, max_new_tokens=max_new_tokens)
        return HouseChatModel(inner=model) if model.tokenizer.chat_template == TEMPLATE else model
    if lora is not None:
        raise GenerationError(f"the LoRA {str(lora)!r} needs a local base model, not {name!r}; unset `lora`")
    if kind == "remote":
        return RemoteChatModel.load(name, max_new_tokens=max_new_tokens)
    from bot.generation.composer import ExtractiveChatModel

    return ExtractiveChatModel()


def describe(model: BaseChatModel) -> dict[str, str]:
    """What wrote a reply, for the turn's record: `model` and `lora`, the latter empty where there is none."""
    identity = getattr(model, "identity", None)
    if isinstance(identity, dict):
        return identity
    params = model._get_ls_params()
    name = params.get("ls_model_name")
    return {"model": f"{params.get('ls_provider')}:{name}" if name else model._llm_type, "lora": ""}


class RemoteChatModel(StreamedChatModel):
    """Any provider that LangChain knows, with its errors as ours; `inner` is the provider's own chat model."""

    model_name: str
    inner: BaseChatModel

    @classmethod
    def load(cls, name: str, *, max_new_tokens: int = 200) -> Self:
        """From `remote:<provider>:<model>`; the key comes from the provider's own variable.

        Raises GenerationError that names the package to install or the variable to set.
        """
        from langchain.chat_models import init_chat_model

        _, provider, model = [*name.split(":", 2), "", ""][:3]
        if not provider or not model:
            raise GenerationError(f"{name!r} is not remote:<provider>:<model>; for instance remote:openai:gpt-5-mini")
        try:
            inner = init_chat_model(model, model_provider=provider, max_tokens=max_new_tokens)
        except Exception as error:  # each provider raises its own kind for a package or a key that is missing
            raise GenerationError(f"{name!r} cannot be used: {first_line(error)}") from error
        return cls(model_name=name, inner=inner)

    @property
    def _llm_type(self) -> str:
        return "remote"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    @property
    def identity(self) -> dict[str, str]:
        """The provider and the model, for the turn's record."""
        return {"model": self.model_name, "lora": ""}

    def get_num_tokens(self, text: str) -> int:
        """An estimate on the high side, since the provider's tokenizer is not here."""
        narrow = sum(character.isascii() for character in text)
        return -(-narrow // 3) + len(text) - narrow

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """An estimate on the high side; tools are not counted."""
        return sum(self.get_num_tokens(plain_text(message)) + 4 for message in messages)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        try:
            for chunk in self.inner.stream(messages, stop=stop, **kwargs):
                yield ChatGenerationChunk(message=chunk)
        except Exception as error:  # each provider raises its own kind
            what = f"{type(error).__name__}: {first_line(error)}"
            raise GenerationError(f"{self.model_name!r} did not answer: {what}; try again or check the key") from error
