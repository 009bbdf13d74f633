"""Search over real folders: who may see what and when, what is best, and what happens while the index changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import NoSnapshot, RetrievalError
from retrieval.retriever import Filters, Hit, OtherWords, Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.fakes import HashEmbedder


class Shop:
    """A folder of documents, its index, and a retriever over it."""

    def __init__(self, folder: Path, languages: frozenset[str] | None = None) -> None:
        self.documents = folder / "documents"
        self.documents.mkdir(parents=True)
        self.embedder = HashEmbedder(languages=languages)
        self.snapshots = Snapshots(folder / "home")
        self.retriever = Retriever(snapshots=self.snapshots, embedder=self.embedder)

    def publish(self, **texts: str | None) -> None:
        """Writes `name.md` for each, or removes it, and updates the index."""
        for name, text in texts.items():
            path = self.documents / f"{name}.md"
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        update([self.documents], self.snapshots, self.embedder)

    def found(self, question: str, k: int = 10, **who: object) -> list[str]:
        """The ids of the hits, best first."""
        return [hit.chunk.id for hit in self.retriever.search(question, k, Filters(**who))]  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def page(title: str, *sections: str, language: str = "en", **more: str) -> str:
    front = "".join(f"{key}: {value}\n" for key, value in more.items())
    body = "\n\n".join(f"## {title} {number}\n\n{text}" for number, text in enumerate(sections))
    return f"---\ntitle: {title}\nlanguage: {language}\n{front}---\n\n{body}\n"


def test_the_best_passage_comes_first_with_its_score(shop: Shop) -> None:
    shop.publish(
        returns=page("Returns", "Send boots back within 30 days.", "Worn boots cannot be returned."),
        delivery=page("Delivery", "Parcels take two days.", "Islands take five days."),
    )
    question = "How many days to the islands?"
    hits = shop.retriever.search(question)
    assert hits[0].chunk.id == "delivery.md@1"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 and -1 <= hit.cosine <= 1 for hit in hits)
    asked, text = shop.embedder.embed([question, hits[0].chunk.context])
    assert hits[0].cosine == pytest.approx(float(asked @ text), abs=1e-5)


def test_best_in_every_ranking_scores_1(shop: Shop) -> None:
    shop.publish(
        a=page("Returns", "red boots come back", "and more"), b=page("Hats", "blue hats"), c=page("Gloves", "green")
    )
    assert shop.retriever.search("Returns 0 red boots come back")[0].score == pytest.approx(1)


staff_page = page("Staff", "refund code for red boots is 4711", audience="staff")


def test_a_staff_document_is_not_for_the_public_even_as_the_best_match(shop: Shop) -> None:
    shop.publish(code=staff_page, boots=page("Boots", "we sell boots", "and laces"), hats=page("Hats", "blue hats"))
    question = "what is the refund code for red boots"
    assert shop.found(question, audience="staff")[0] == "code.md@0"
    assert "code.md@0" not in shop.found(question)
    assert "code.md@0" not in [document.id for document in shop.retriever.invoke(question)]
    assert "code.md@0" in [document.id for document in staff_retriever(shop).invoke(question)]


def staff_retriever(shop: Shop) -> Retriever:
    return Retriever(snapshots=shop.snapshots, embedder=shop.embedder, filters=Filters("staff"))


def test_what_is_hidden_does_not_press_the_others_scores(shop: Shop) -> None:
    """A score is relative to the best that the asker may see: a hidden document is not even noticed by its absence."""
    shop.publish(
        code=page("Red boots", "red boots red boots refund code", "red boots", audience="staff"),
        boots=page("Boots", "we sell red boots", "and laces"),
        hats=page("Hats", "blue hats"),
    )
    for question in ("red boots", "we sell red boots"):
        assert shop.retriever.search(question)[0].score == pytest.approx(1)


def test_the_public_finds_nothing_where_all_is_for_staff(shop: Shop) -> None:
    shop.publish(code=staff_page)
    assert shop.found("refund code") == []
    assert shop.found("refund code", audience="staff") == ["code.md@0"]


def test_a_document_is_found_on_the_days_when_it_is_in_force(shop: Shop) -> None:
    shop.publish(
        old=page("Returns", "boots come back within 14 days", effective_until="2026-06-30"),
        new=page("Returns", "boots come back within 30 days", effective_from="2026-07-01"),
    )
    for day, wanted in (
        (date(2026, 6, 30), "old.md@0"),
        (date(2026, 7, 1), "new.md@0"),
        (date(1999, 1, 1), "old.md@0"),
        (date(2999, 1, 1), "new.md@0"),
    ):
        for audience in ("public", "staff"):
            assert shop.found("boots come back within 14 days", day=day, audience=audience) == [wanted]


def test_without_a_day_it_is_today(shop: Shop) -> None:
    shop.publish(old=page("Old", "boots", effective_until="2001-01-01"), new=page("New", "boots"))
    assert shop.found("boots") == ["new.md@0"]


def test_what_is_deleted_is_gone_and_what_is_new_is_there(shop: Shop) -> None:
    shop.publish(a=page("A", "red boots"), b=page("B", "blue hats"))
    assert set(shop.found("red boots")) == {"a.md@0", "b.md@0"}
    shop.publish(a=None, c=page("C", "red boots"))
    assert shop.found("red boots")[0] == "c.md@0"
    assert "a.md@0" not in shop.found("red boots")


def test_a_running_retriever_notices_what_another_one_published_or_rolled_back(shop: Shop) -> None:
    shop.publish(a=page("A", "red boots"))
    assert shop.found("boots") == ["a.md@0"]
    assert shop.retriever.corpus() is shop.retriever.corpus()
    other = Snapshots(shop.snapshots.folder)
    (shop.documents / "b.md").write_text(page("B", "winter boots for boots"))
    update([shop.documents], other, HashEmbedder())
    assert set(shop.found("boots")) == {"a.md@0", "b.md@0"}
    assert shop.retriever.corpus().number == 2
    other.rollback()
    assert shop.found("boots") == ["a.md@0"]
    other.rollback(to=2)
    assert len(shop.found("boots")) == 2


def test_a_damaged_snapshot_is_passed_over(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.publish(a=page("A", "red boots"))
    shop.publish(a=page("A", "blue hats"))
    (shop.snapshots.current().folder / "vectors.faiss").write_bytes(b"")
    assert shop.retriever.search("boots")[0].chunk.text == "red boots"
    opened = shop.retriever.corpus()
    assert shop.retriever.corpus() is opened
    assert len(caplog.records) == 1
    shop.publish(a=page("A", "green gloves"))
    assert shop.retriever.search("boots")[0].chunk.text == "green gloves"


@pytest.mark.parametrize("k", [1, 2, 3, 50, 10**9])
def test_at_most_k_hits_and_no_more_than_there_are(shop: Shop, k: int) -> None:
    shop.publish(a=page("A", "red boots", "blue boots", "green boots"), b=page("B", "cold socks"))
    hits = shop.found("boots", k)
    assert len(hits) == len(set(hits)) == min(k, 4)
    assert hits == shop.found("boots", 50)[:k]


def test_asking_for_no_hits_is_an_error(shop: Shop) -> None:
    with pytest.raises(RetrievalError, match="k = 0"):
        shop.retriever.search("boots", 0)


@pytest.mark.parametrize("question", ["", "   \n", "?!", "🥾", "\x00", "\ud800"])
def test_no_words_find_nothing(shop: Shop, question: str) -> None:
    shop.publish(a=page("A", "red boots"))
    assert shop.found(question) == []


@pytest.mark.parametrize("question", ["the", "boots \ud800 \x00", "ботинки", "boots " * 20_000])
def test_odd_questions_find_something(shop: Shop, question: str) -> None:
    shop.publish(a=page("A", "the red boots"))
    assert shop.found(question) == ["a.md@0"]


def test_words_without_vectors_and_vectors_without_words_both_find(tmp_path: Path) -> None:
    """The embedder speaks English only: a Chinese question is answered by its words, whatever its vector is near to."""
    shop = Shop(tmp_path, languages=frozenset({"en"}))
    shop.publish(
        zh=page("退货政策", "三十天内可以退货。", "运费由顾客承担。", language="zh"),
        en=page("Returns", "Boots come back within 30 days.", "You pay the postage."),
    )
    assert shop.found("请问可以退货吗？")[0] == "zh.md@0"
    assert set(shop.found("请问可以退货吗？")) <= {"zh.md@0", "zh.md@1"}
    assert shop.found("请问有猫吗？") == []
    assert shop.found("can boots come back?")[0] == "en.md@0"


def test_a_chinese_question_over_both_languages(shop: Shop) -> None:
    shop.publish(
        zh=page("退货政策", "三十天内可以退货。", "运费由顾客承担。", language="zh"),
        en=page("Returns", "Boots come back within 30 days.", "You pay the postage."),
    )
    assert shop.found("退货要多少天？")[0] == "zh.md@0"
    assert shop.found("who pays the postage")[0] == "en.md@1"


def test_equal_passages_come_in_the_order_of_the_index(shop: Shop) -> None:
    shop.publish(**{f"p{number}": page("Boots", "red boots") for number in range(9)})
    wanted = [f"p{number}.md@0" for number in range(9)]
    assert shop.found("red boots") == wanted
    assert shop.found("red boots", 4) == wanted[:4]


def test_a_snapshot_of_another_embedder_is_refused(shop: Shop) -> None:
    shop.publish(a=page("A", "red boots"))
    other = Retriever(snapshots=shop.snapshots, embedder=HashEmbedder(name="other"))
    with pytest.raises(RetrievalError, match=r"'hash', not 'other'.*shopdesk ingest"):
        other.search("boots")


def test_without_a_snapshot_it_says_what_to_do(shop: Shop) -> None:
    with pytest.raises(NoSnapshot, match="shopdesk ingest"):
        shop.retriever.search("boots")


def test_an_emptied_index_finds_nothing(shop: Shop) -> None:
    shop.publish(a=page("A", "red boots"))
    shop.publish(a=None, b="# B")
    assert len(shop.retriever.corpus()) == 0
    assert shop.found("boots") == []


def test_a_question_asked_again_is_embedded_once(shop: Shop) -> None:
    shop.publish(a=page("A", "red boots"))
    shop.embedder.seen.clear()
    assert shop.found("boots") == shop.found("boots")
    assert shop.embedder.seen == ["boots"]


def test_as_a_langchain_retriever_it_gives_documents(shop: Shop) -> None:
    shop.publish(a=page("Boots", "red boots", "blue hats"))
    (first, *_), (hit, *_) = shop.retriever.invoke("red boots"), shop.retriever.search("red boots")
    assert (first.id, first.page_content) == ("a.md@0", "red boots")
    assert first.metadata == {
        "document": "a.md",
        "title": "Boots",
        "heading": ["Boots 0"],
        "language": "en",
        "score": hit.score,
    }


def test_searches_during_updates_see_one_snapshot_each(shop: Shop) -> None:
    """Three documents change together; no search may fail, or find two versions, or go back to an older one."""

    def publish(version: int) -> None:
        shop.publish(**{name: page(name, f"boots of version {version}") for name in ("a", "b", "c")})

    publish(0)
    done = Event()

    def search_on() -> list[int]:
        seen = []
        while not done.is_set():
            hits = shop.retriever.search("boots of version")
            versions = {hit.chunk.text for hit in hits}
            assert len(hits) == 3
            assert len(versions) == 1
            seen.append(int(versions.pop().split()[-1]))
        return seen

    with ThreadPoolExecutor(8) as pool:
        searching = [pool.submit(search_on) for _ in range(8)]
        try:
            for version in range(1, 7):
                publish(version)
                shop.snapshots.prune(keep=1)
            assert shop.retriever.search("boots")[0].chunk.text == "boots of version 6"
        finally:
            done.set()
        for thread in searching:
            seen = thread.result()
            assert seen == sorted(seen)


words = st.sampled_from("red boots blue hats refund code the days 退 货".split())  # noqa: SIM905
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join)
audiences = st.sampled_from(["public", "staff"])
untils = st.sampled_from(["2026-06-30", "2026-12-24"])
sections = st.lists(sentences, min_size=1, max_size=3)
documents = st.lists(st.tuples(sections, audiences, untils), min_size=1, max_size=6)


@settings(max_examples=15)
@given(pages=documents, question=sentences, audience=audiences, k=st.integers(1, 8))
def test_a_search_keeps_its_promises(
    pages: list[tuple[list[str], str, str]], question: str, audience: str, k: int
) -> None:
    day = date(2026, 11, 21)
    with TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        for number, (texts, who, until) in enumerate(pages):
            text = page("Help", *texts, audience=who, effective_until=until)
            (shop.documents / f"p{number}.md").write_text(text, encoding="utf-8")
        shop.publish()
        visible = {
            f"p{number}.md@{section}"
            for number, (texts, who, until) in enumerate(pages)
            for section in range(len(texts))
            if until > day.isoformat() and (audience == "staff" or who == "public")
        }
        hits = shop.retriever.search(question, k, Filters(audience, day))  # type: ignore[arg-type]
        assert len(hits) == min(k, len(visible))
        assert {hit.chunk.id for hit in hits} <= visible
        assert_in_order(hits)
        assert shop.retriever.search(question, k, Filters(audience, day)) == hits  # type: ignore[arg-type]
        assert again(shop).search(question, k, Filters(audience, day)) == hits  # type: ignore[arg-type]


def again(shop: Shop) -> Retriever:
    return Retriever(snapshots=Snapshots(shop.snapshots.folder), embedder=HashEmbedder())


def assert_in_order(hits: list[Hit]) -> None:
    scores = np.array([hit.score for hit in hits])
    assert (scores[:-1] >= scores[1:]).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_other_words_find_what_the_questions_own_do_not(shop: Shop) -> None:
    shop.publish(
        delivery=page("Delivery to Ireland", "Parcels take four days.", "Islands too."),
        soles=page("Soles", "They are made of cork.", "Cork is light."),
        hats=page("Hats", "Blue hats.", "Red hats."),
    )
    question = "how much is it to post it to cork"
    assert shop.found(question)[0].startswith("soles")
    other = OtherWords([{"Ireland": 1.5, "Irish": 1.0}, {"delivery": 1.5}])
    assert shop.retriever.search(question, other=other)[0].chunk.document == "delivery.md"


def test_other_words_show_nobody_what_they_may_not_see(shop: Shop) -> None:
    shop.publish(staff=staff_page, hats=page("Hats", "blue hats"))
    hits = shop.retriever.search("hats", other=OtherWords([{"refund code": 2.0, "4711": 2.0}]))
    assert [hit.chunk.document for hit in hits] == ["hats.md"]


def test_a_question_the_embedder_cannot_read_is_embedded_by_its_meaning(tmp_path: Path) -> None:
    shop = Shop(tmp_path, languages=frozenset({"en"}))
    shop.publish(boots=page("Boots", "dry the wet boots slowly"), hats=page("Hats", "blue hats"))
    hit = shop.retriever.search("湿靴子", other=OtherWords(meaning="dry wet boots"))[0]
    meant, text = shop.embedder.embed(["dry wet boots", hit.chunk.context])
    assert hit.chunk.document == "boots.md"
    assert hit.cosine == pytest.approx(float(meant @ text), abs=1e-5)
    assert shop.retriever.search("湿靴子") == []


def test_a_question_that_it_reads_is_embedded_as_it_is(shop: Shop) -> None:
    shop.publish(boots=page("Boots", "dry the wet boots slowly"), hats=page("Hats", "blue hats"))
    plain = shop.retriever.search("dry boots")
    assert shop.retriever.search("dry boots", other=OtherWords(meaning="blue hats")) == plain
