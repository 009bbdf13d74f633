"""A base model as the learning loop reads it: each example in the very tokens that the desk would give it.

Any causal model gets the messages through its chat template. The house generator reads numbered statements instead
(`bot.generation.house`): those that it was given then, or where that is not known any more, those of the example's
passages, ranked by their words. The reply begins with the numbers of the ones that it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.errors import LearningError
from bot.generation import house, prompts
from bot.generation.composer import STATEMENTS
from bot.generation.generators import load_generator
from bot.generation.house_chat import HouseChatModel
from bot.generation.transformers_chat import TransformersChatModel
from bot.learn.cases import Example as CaseExample
from bot.learn.context import ChatMessage
from bot.learn.material import asked_in
from bot.learn.replies import RIGHT, by_weight
from bot.ranking import rank
from bot.statements import Statement
from knowledge.documents import Chunk
from knowledge.languages import detect
from retrieval.retriever import Hit

LONGEST = 2048  # tokens of a prompt and its reply
DAY = date(2026, 1, 1)  # in the prompts of the curriculum: the same at any time
_KINDS = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt and its reply, the token that ends it included, as the network reads them.

    So many of the reply's first tokens are `given`: a rating is of what was said, not of the numbers before it.
    """

    prompt: list[int]
    reply: list[int]
    given: int = 0

    @property
    def read(self) -> list[int]:
        """All before the first token that is rated."""
        return [*self.prompt, *self.reply[: self.given]]

    @property
    def rated(self) -> list[int]:
        """The reply without what is given of it."""
        return self.reply[self.given :]


@dataclass(frozen=True, slots=True)
class Base:
    """A causal language model, with a LoRA or without. `generator` is what the desk would speak with."""

    name: str
    generator: TransformersChatModel | HouseChatModel

    @classmethod
    def load(cls, name: str, lora: Path | None = None) -> Base:
        """From a folder or a hub name. Raises LearningError where it is not local, GenerationError where broken."""
        if name.partition(":")[0] in ("extractive", "remote"):
            raise LearningError(
                f"the generator {name!r} has no weights here to learn with; set SHOPDESK_GENERATOR to the folder of a"
                " causal language model, or give one with --base"
            )
        generator = load_generator(name, lora=lora)
        assert isinstance(generator, TransformersChatModel | HouseChatModel)
        return cls(name, generator)

    @property
    def chat(self) -> TransformersChatModel:
        """The model that reads tokens."""
        return self.generator.inner if isinstance(self.generator, HouseChatModel) else self.generator

    @property
    def is_house(self) -> bool:
        """Whether it reads numbered statements."""
        return isinstance(self.generator, HouseChatModel)

    def tokens(self, prompt: Sequence[ChatMessage], reply: str, given: Sequence[str] = ()) -> Tokens | str:
        """A rated reply and its prompt, with the statements that it was written from, if they are known.

        Or why this base cannot read them, as a word to count by.
        """
        if isinstance(self.generator, HouseChatModel):
            return self._for_house(self.generator, prompt, reply, given)
        return self._joined([_KINDS[one["role"]](one["content"]) for one in prompt], reply)

    def of_case(self, case: CaseExample) -> Tokens | str:
        """An example of the curriculum: for the house as it was trained, for others behind the desk's instructions."""
        said, talk = case.turns[0]["content"], [_KINDS[one["role"]](one["content"]) for one in case.turns[1:]]
        if self.is_house:
            return self._joined([SystemMessage(said), *talk], case.wanted)
        system = prompts.instructions(
            said.replace("\n", "\n\n"), shop="", day=DAY, language="en", not_found=house.NOT_FOUND
        )
        return self._joined([SystemMessage(system), *talk], house.read(case.wanted).text)

    def _for_house(
        self, model: HouseChatModel, prompt: Sequence[ChatMessage], reply: str, given: Sequence[str]
    ) -> Tokens | str:
        passages = [text for one in prompt if one["role"] == "system" for text in listed(one["content"])]
        ranked = [Statement(text, text, "", 0, at) for at, text in enumerate(given)]
        ranked = ranked or _ranked([one["content"] for one in prompt if one["role"] == "user"], passages)
        if not ranked:
            return "no_statements"
        if detect("\n".join([asked_in(prompt), *(given or passages)])) != "en":
            return "not_english"
        talk = [_KINDS[one["role"]](one["content"]) for one in prompt[:-1]]
        asked = HumanMessage(asked_in(prompt), additional_kwargs={STATEMENTS: tuple(ranked)})
        messages, said = model._prompt([*talk, asked])
        wanted = _wanted(reply.strip(), said[: len(str(messages[0].content).split("\n"))])
        found, read = self._joined(messages, wanted), house.read(wanted)
        if isinstance(found, str) or read.declines:  # whether to decline is what is rated there
            return found
        return replace(found, given=len(self.chat.get_token_ids(wanted.removesuffix(read.text))))

    def _joined(self, messages: Sequence[BaseMessage], reply: str) -> Tokens | str:
        chat = self.chat
        text = chat._defused(reply.strip())
        words = chat.get_token_ids(text if chat.tokenizer.chat_template else f" {text}")
        if not words:
            return "empty"
        if chat.tokenizer.unk_token_id in words:
            return "unreadable"
        found = Tokens(chat._prompt(messages), [*words, self.end])
        return "too_long" if len(found.prompt) + len(found.reply) > self.room else found

    @property
    def end(self) -> int:
        """The token that ends a reply."""
        own = self.chat.tokenizer.eos_token_id
        return int(own if own is not None else min(self.chat._end_tokens))

    @property
    def room(self) -> int:
        """Tokens of a prompt and its reply together, at most."""
        return min(LONGEST, self.chat.context_length or LONGEST)

    @property
    def network(self) -> Any:
        """The network itself."""
        return self.chat.network


def listed(system: str) -> list[str]:
    """The passages in the instructions that the desk gives a generator, each behind the titles above it."""
    found, at = list[str](), system.find("\n\n[1] ")
    while at >= 0:
        number = len(found) + 1
        after = system.find(f"\n\n[{number + 1}] ", at + 1)
        found.append(system[at : after if after >= 0 else None].removeprefix(f"\n\n[{number}] "))
        at = after
    return found


def _ranked(asked: Sequence[str], passages: Sequence[str]) -> list[Statement]:
    """What the passages say, the likeliest to answer first; an earlier question weighs less."""
    hits = []
    for number, passage in enumerate(passages):
        titles, _, text = passage.partition("\n")
        title, *heading = titles.split(" > ")
        chunk = Chunk(f"{number}.md", 0, title, tuple(heading), text, language="en")
        hits.append(Hit(chunk, 1.0 / (1 + number), 0.0))
    return rank("\n".join(asked[:-3:-1]), hits, lambda word: 1.0).statements


def _wanted(reply: str, said: Sequence[str]) -> str:
    """What the house generator would have to write to say this reply."""
    if house.NOT_FOUND.rstrip(".") in reply:
        return house.declined()
    best = by_weight(dict.fromkeys(said), reply)[:RIGHT]
    return house.wanted(reply, [list(said).index(line) for line in best])
