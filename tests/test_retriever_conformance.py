"""LangChain's own conformance suite (langchain-tests) over the retriever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.fakes import HashEmbedder


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def shop(self, tmp_path: Path) -> None:
        """An index of more documents than the suite asks for."""
        self.snapshots = Snapshots(tmp_path / "home")
        for number in range(5):
            (tmp_path / f"{number}.md").write_text(f"# Boots {number}\n\nboots of kind {number}")
        update([tmp_path], self.snapshots, HashEmbedder())

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return Retriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"snapshots": self.snapshots, "embedder": HashEmbedder()}

    @property
    def retriever_query_example(self) -> str:
        return "which boots are there"
