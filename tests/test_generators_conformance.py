"""LangChain's own conformance suites (langchain-tests) over the chat models that need no network."""

from __future__ import annotations

from functools import cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from test_generators import CHATML, tiny_network, tiny_tokenizer

from bot.generation.generators import TransformersChatModel


@cache
def parts(template: str | None) -> dict[str, Any]:
    """Built once: the suites make a model for every test."""
    network, tokenizer = tiny_network("llama"), tiny_tokenizer(template)
    return {"model_name": "tiny-llama", "network": network, "tokenizer": tokenizer, "max_new_tokens": 12}


class Local:
    """What a local model can do: text in, text out, with usage; no tools, no structured output, no images."""

    template: str | None = CHATML

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return TransformersChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return parts(self.template)

    @property
    def has_tool_choice(self) -> bool:
        return False


class Extractive:
    """What the composer can do: text in, text out, with usage; no tools, no structured output, no images."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        from bot.generation.composer import ExtractiveChatModel

        return ExtractiveChatModel

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_tool_choice(self) -> bool:
        return False


class TestLocalUnit(Local, ChatModelUnitTests): ...


class TestLocalIntegration(Local, ChatModelIntegrationTests): ...


class TestLocalWithoutTemplateIntegration(Local, ChatModelIntegrationTests):
    template = None


class TestExtractiveUnit(Extractive, ChatModelUnitTests): ...


class TestExtractiveIntegration(Extractive, ChatModelIntegrationTests): ...
