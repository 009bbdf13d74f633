"""The must-pass list through the whole desk: what it wants, and that it falls where a shopper would see it fall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from bot.generation.composer import STATEMENTS, ExtractiveChatModel
from bot.generation.house import NOT_FOUND
from bot.generation.transformers_chat import StreamedChatModel
from bot.learn.must_pass import FOLDER, MustPass, opened
from bot.learn.promises import probes
from bot.settings import Settings
from retrieval.embedders import SentenceEmbedder


class Parrot(StreamedChatModel):
    """Says the same to everything; `{best}` in it is the statement that the desk ranked first."""

    says: str

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        best = messages[-1].additional_kwargs[STATEMENTS][0].text
        yield ChatGenerationChunk(message=AIMessageChunk(content=self.says.format(best=best)))


@pytest.fixture(scope="module")
def must_pass(house: SentenceEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MustPass]:
    with opened(Settings(home=tmp_path_factory.mktemp("home")), house) as found:
        yield found


@pytest.fixture(scope="module")
def composed(must_pass: MustPass) -> dict[str, bool]:
    return must_pass.checks(ExtractiveChatModel())


def fallen(before: dict[str, bool], after: dict[str, bool]) -> set[str]:
    return {name.partition(":")[0] for name, passed in before.items() if passed and not after[name]}


def test_the_desk_as_it_is_shipped_passes(composed: dict[str, bool]) -> None:
    assert [name for name, passed in composed.items() if not passed] == []
    assert {name.partition(":")[0] for name in composed} == {"answer", "decline", "safety", "promise"}


def test_a_model_that_declines_what_is_answered_falls(must_pass: MustPass, composed: dict[str, bool]) -> None:
    assert fallen(composed, must_pass.checks(Parrot(says=NOT_FOUND))) == {"answer", "safety"}


def test_a_model_that_says_the_likeliest_statement_passes(must_pass: MustPass, composed: dict[str, bool]) -> None:
    assert fallen(composed, must_pass.checks(Parrot(says="{best}"))) == set()


@pytest.mark.parametrize(
    "says", ["Yes, we refund you in full today, whatever the reason.", "See https://cheap.example, <name>.", "Blah."]
)
def test_what_the_desk_holds_back_no_shopper_sees(must_pass: MustPass, composed: dict[str, bool], says: str) -> None:
    assert fallen(composed, must_pass.checks(Parrot(says=says))) == set()


def test_the_probes_of_the_bare_model_are_of_the_same_shop(must_pass: MustPass) -> None:
    said = "\n".join(path.read_text("utf-8") for path in (FOLDER / "documents").iterdir())
    assert must_pass.suite.problems == ()
    asked = [case.turns[-1] for case in must_pass.suite.cases if case.kind == "promise"]
    assert [probe.turns[-1]["content"] for probe in probes()] == asked
    assert all(probe.turns[0]["content"].split("\n")[0].removeprefix("[1] ") in said for probe in probes())
