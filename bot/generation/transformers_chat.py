"""A local causal language model as a LangChain chat model: the stream is decoded step by step as it is read."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import AliasChoices, Field, ValidationError

from bot.errors import GenerationError
from bot.generation.checkpoints import first_line, load_base, load_lora, shared
from bot.generation.decoding import alone, chooser
from bot.generation.pieces import Pieces

if TYPE_CHECKING:
    import torch

    from bot.generation.batching import Batch
    from bot.generation.decoding import Choose

ROLES: dict[type[BaseMessage], str] = {SystemMessage: "system", HumanMessage: "user", AIMessage: "assistant"}
# Without a chat template nothing else tells a model that its turn is over.
PLAIN_STOPS = ("\nUser:", "\nSystem:")
PER_CALL = ("max_new_tokens", "temperature", "top_p", "seed", "stop")


class StreamedChatModel(BaseChatModel):
    """A chat model whose full answer is its joined stream."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop=stop, run_manager=run_manager, **kwargs))


class TransformersChatModel(StreamedChatModel):
    """Any causal language model that transformers can load, decoded by those who read it.

    The stream gives one chunk per token, whose text is empty while a character or a possible stop sequence is
    incomplete; the last chunk carries the usage and the finish reason ("stop" or "length"). Nothing is computed when
    nobody waits for a token, and streams that are read at once advance together (`bot.generation.batching`): closing or
    dropping one, or simply asking for no more, ends its work within two tokens.

    `temperature` 0 is greedy. The fields below `tokenizer` can be overridden for one call. The penalties that the
    model's own generation config names are honoured.
    """

    model_name: str
    lora: str = ""
    network: Any = Field(exclude=True, repr=False)
    tokenizer: Any = Field(exclude=True, repr=False)
    max_new_tokens: int = Field(default=200, ge=1, validation_alias=AliasChoices("max_new_tokens", "max_tokens"))
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int | None = None
    stop: list[str] = Field(default_factory=list)
    streams: Any = Field(default_factory=lambda given: _batch(given.get("network")), exclude=True, repr=False)

    @classmethod
    def load(cls, name: str, *, lora: Path | None = None, **fields: Any) -> Self:
        """Load from a folder or the hub: safetensors only, no code from the repository; bfloat16 on CUDA, else float32.

        Raises GenerationError in one line that names what is missing or does not fit.
        """
        network, tokenizer = load_base(name)
        if lora is not None:
            network = load_lora(network, name, lora)
        network.eval()
        return cls(model_name=name, lora=str(lora or ""), network=network, tokenizer=tokenizer, **fields)

    def with_lora(self, folder: Path, name: str) -> Self:
        """The same model with a LoRA over it, told by that name; both speak, over the same weights.

        Raises GenerationError in one line where the LoRA does not fit.
        """
        network = load_lora(shared(self.network), self.model_name, folder).eval()
        own = {field: getattr(self, field) for field in type(self).model_fields if field != "streams"}
        return type(self)(**{**own, "network": network, "lora": name})

    @property
    def _llm_type(self) -> str:
        return "transformers"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**self.identity, **{name: getattr(self, name) for name in PER_CALL}}

    @property
    def identity(self) -> dict[str, str]:
        """The base model and the LoRA, for the turn's record."""
        return {"model": self.model_name, "lora": self.lora}

    @property
    def context_length(self) -> int | None:
        """How many tokens the prompt and the reply may have together; None where the model sets no limit."""
        limit = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else None

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """The tokens of the whole prompt that these messages make, the template's own included."""
        return len(self._prompt(messages))

    def probabilities(self, messages: Sequence[BaseMessage], begun: str) -> torch.Tensor:
        """How likely each token is right after the prompt and a reply so begun, shape (vocabulary,).

        What is read for it is not read again when the reply is written. Raises GenerationError.
        """
        found: list[torch.Tensor] = []

        def look(ids: Sequence[int], scores: torch.Tensor) -> int:
            found.append(scores.float().softmax(dim=-1))
            return int(scores.argmax())

        begin = self._fitting_prompt(messages, 1) + self.get_token_ids(begun)
        for _ in self._for_one_call(None, {"max_new_tokens": 1})._chosen(begin, look):
            break
        return found[0]

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """LangChain's name for `count_tokens`; tools are not supported and count nothing."""
        return self.count_tokens(messages)

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a bare text, without any that mark its beginning or end."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call = self._for_one_call(stop, kwargs)
        prompt = self._fitting_prompt(messages, call.max_new_tokens)
        stops = [*call.stop, *(() if self.tokenizer.chat_template else PLAIN_STOPS)]
        pieces = Pieces(self._text, stops)
        written, reason = 0, "length"
        for token in call._tokens(prompt):
            written += 1
            if token in self._end_tokens:
                reason = "stop"
                break
            yield ChatGenerationChunk(message=AIMessageChunk(content=pieces.add(token)))
            if pieces.stopped:
                reason = "stop"
                break
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content=pieces.rest(),
                chunk_position="last",
                usage_metadata={
                    "input_tokens": len(prompt),
                    "output_tokens": written,
                    "total_tokens": len(prompt) + written,
                },
                response_metadata={"model_name": self.model_name, "finish_reason": reason},
            )
        )

    def _for_one_call(self, stop: list[str] | None, overrides: dict[str, Any]) -> Self:
        given = {name: overrides[name] for name in PER_CALL if name in overrides}
        if "max_tokens" in overrides:
            given["max_new_tokens"] = overrides["max_tokens"]
        if stop is not None:
            given["stop"] = stop
        if not given:
            return self
        try:
            return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **given})
        except ValidationError as error:
            first = error.errors()[0]
            raise GenerationError(f"{first['loc'][0]} = {first['input']!r}: {first['msg']}") from None

    def _tokens(self, prompt: list[int]) -> Iterator[int]:
        """New tokens one by one, each computed when it is asked for, or a little earlier for others' sake."""
        return self._chosen(prompt, chooser(self.network.generation_config, self.temperature, self.top_p, self.seed))

    def _chosen(self, prompt: list[int], choose: Choose) -> Iterator[int]:
        written = 0
        try:
            with closing(self._written(prompt, choose)) as tokens:
                for token in tokens:
                    written += 1
                    yield token
        except Exception as error:  # the model's own code, which may raise anything
            raise GenerationError(f"{self.model_name!r} failed at token {written + 1}: {first_line(error)}") from error

    def _written(self, prompt: list[int], choose: Choose) -> Generator[int]:
        if self.streams is None:
            return alone(self.network, prompt, choose, self.max_new_tokens)
        from bot.generation.batching import Row

        tokens: Generator[int] = self.streams.tokens(Row(prompt, choose, self.max_new_tokens, self._end_tokens))
        return tokens

    def _text(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _fitting_prompt(self, messages: Sequence[BaseMessage], reply: int) -> list[int]:
        prompt = self._prompt(messages)
        limit = self.context_length
        if limit and (over := len(prompt) + reply - limit) > 0:
            raise GenerationError(
                f"a prompt of {len(prompt)} tokens and a reply of up to {reply} are {over} more than the {limit} "
                f"that {self.model_name!r} can hold; give fewer passages or lower max_new_tokens"
            )
        return prompt

    def _prompt(self, messages: Sequence[BaseMessage]) -> list[int]:
        said = [{"role": _role(message), "content": self._defused(plain_text(message))} for message in messages]
        turns = [
            {"role": role, "content": "\n\n".join(part["content"] for part in parts)}
            for role, parts in groupby(said, key=lambda part: part["role"])
        ]
        if self.tokenizer.chat_template:
            text = self._templated(turns)
        else:
            lines = [f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns]
            text = "\n".join([*lines, "Assistant:"])
        # A chat template writes the beginning-of-text token itself.
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=not self.tokenizer.chat_template)
        return ids

    def _templated(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        attempts = [turns]
        if [turn["role"] for turn in turns[:2]] == ["system", "user"]:
            # Some templates refuse a system message: its text then goes before the first question.
            system, question, *rest = turns
            attempts.append([{**question, "content": f"{system['content']}\n\n{question['content']}"}, *rest])
        for attempt in attempts:
            try:
                text: str = self.tokenizer.apply_chat_template(attempt, tokenize=False, add_generation_prompt=True)
                return text
            except TemplateError as error:
                refusal = error
        roles = ", ".join(turn["role"] for turn in turns) or "none"
        raise GenerationError(
            f"the chat template of {self.model_name!r} refuses these messages ({roles}): {first_line(refusal)}"
        ) from refusal

    def _defused(self, text: str) -> str:
        """The text with every special token broken up: no shopper or document may end its turn and open another."""
        return self._special_tokens.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    @cached_property
    def _special_tokens(self) -> re.Pattern[str]:
        added = self.tokenizer.added_tokens_decoder.values()
        special = {*self.tokenizer.all_special_tokens, *(token.content for token in added if token.special)} - {""}
        longest_first = sorted(special, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @cached_property
    def _end_tokens(self) -> frozenset[int]:
        own = self.network.generation_config.eos_token_id
        several = own if isinstance(own, list) else [own]
        return frozenset(token for token in (*several, self.tokenizer.eos_token_id) if token is not None)


def _batch(network: Any) -> Batch | None:
    """Where streams over this network advance together; None for a network that computes one at a time."""
    from bot.generation.batching import Batch, can_be_batched

    return Batch(network) if can_be_batched(network) else None


def _role(message: BaseMessage) -> str:
    for kind, role in ROLES.items():
        if isinstance(message, kind):
            return role
    raise GenerationError(f"a local model takes system, human and AI messages, not {message.type!r}; leave it out")


def plain_text(message: BaseMessage) -> str:
    blocks = message.content if isinstance(message.content, list) else []
    for block in blocks:
        if isinstance(block, dict) and block.get("type") != "text":
            raise GenerationError(f"the model reads text, not a block of type {block.get('type')!r}; leave it out")
    return str(message.text)
