"""BM25 in flat arrays: the same as BM25 in plain Python, however the index came about."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import log
from threading import Barrier

import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snowballstemmer.english_stemmer import EnglishStemmer

from retrieval.impacts import K1
from retrieval.lexical import DOCUMENT_B, STOPWORDS, TITLE_WEIGHT, B, LexicalIndex, units

WORDS = """
return returns returned boot boots gift card voucher the how long refund refunds 1.2 1.7 12 café purchase warehouse
退 货 政 策 的 运 费
""".split()  # noqa: SIM905
STARTS = ("organ", "general", "hope", "nation", "oper")
ENDS = ("ing", "ed", "s", "ation", "ational", "izing", "izer", "fulness", "ousness", "ment", "ly", "able", "ible")
phrases = st.lists(st.sampled_from([*WORDS, "\n"]), max_size=9).map(" ".join)
corpora = st.lists(phrases, max_size=8)


def terms_of(text: str) -> list[str]:
    own = units(text)
    return own + [f"{first} {second}" for first, second in pairwise(own)]


def asked_of(question: str) -> Counter[str]:
    """The question's terms, without those of function words alone unless there are no others."""
    every = terms_of(question)
    content = [term for term in every if not set(term.split()) <= STOPWORDS]
    return Counter(content or every)


def weighted(text: str) -> tuple[Counter[str], int]:
    """How often each term occurs and how many units there are, with the title three times."""
    title, _, body = text.partition("\n")
    counts = Counter(terms_of(body))
    for term in terms_of(title):
        counts[term] += TITLE_WEIGHT
    return counts, TITLE_WEIGHT * len(units(title)) + len(units(body))


def bm25(question: str, documents: list[tuple[Counter[str], int]], b: float) -> list[float]:
    """Okapi BM25 as the books have it."""
    n = len(documents)
    mean = max(sum(length for _, length in documents) / n, 1.0) if n else 1.0
    scores = [0.0] * n
    for term, times in asked_of(question).items():
        having = sum(term in counts for counts, _ in documents)
        idf = log(1 + (n - having + 0.5) / (having + 0.5))
        for number, (counts, length) in enumerate(documents):
            if tf := counts[term]:
                scores[number] += times * idf * tf * (K1 + 1) / (tf + K1 * (1 - b + b * length / mean))
    return scores


@settings(max_examples=200)
@given(texts=corpora, question=phrases)
def test_scores_are_bm25(texts: list[str], question: str) -> None:
    scores = LexicalIndex.build(texts).scores(question)
    assert scores.shape == (len(texts),)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, bm25(question, [weighted(text) for text in texts], B), rtol=1e-5, atol=1e-6)


@given(texts=corpora, question=phrases, data=st.data())
def test_document_scores_are_bm25_of_the_documents_put_together(
    texts: list[str], question: str, data: st.DataObject
) -> None:
    owners = data.draw(st.permutations([number // 3 for number in range(len(texts))]))
    merged = []
    for number in range(max(owners, default=-1) + 1):
        parts = [weighted(text) for text, owner in zip(texts, owners, strict=True) if owner == number]
        merged.append((sum((counts for counts, _ in parts), Counter()), sum(length for _, length in parts)))
    scores = LexicalIndex.build(texts).whole(np.array(owners, np.int32)).scores(question)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, bm25(question, merged, DOCUMENT_B), rtol=1e-5, atol=1e-6)


@given(first=corpora, steps=st.lists(st.tuples(st.randoms(use_true_random=False), corpora), max_size=3))
def test_an_updated_index_is_the_fresh_one(first: list[str], steps: list[tuple[object, list[str]]]) -> None:
    texts, index = first, LexicalIndex.build(first)
    for random, added in steps:
        keep = [random.random() < 0.6 for _ in texts]  # type: ignore[attr-defined]
        index = index.update(np.array(keep, np.bool_), added)
        texts = [text for text, kept in zip(texts, keep, strict=True) if kept] + added
    fresh = LexicalIndex.build(texts)
    assert len(index) == len(fresh) == len(texts)
    for question in (*texts, "gift card", "退货政策", "the"):
        assert index.scores(question).tolist() == fresh.scores(question).tolist()


def test_an_update_leaves_the_old_index_as_it_was() -> None:
    index = LexicalIndex.build(["Boots\nred", "Hats\nblue"])
    before = index.scores("red boots").tolist()
    newer = index.update(np.array([False, True]), ["Boots\nred red"])
    assert index.scores("red boots").tolist() == before
    assert newer.scores("red boots").argmax() == 1


@given(texts=corpora)
def test_saved_and_loaded_it_scores_the_same(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("index") / "lexical"
    index = LexicalIndex.build(texts)
    index.save(folder)
    loaded = LexicalIndex.load(folder)
    for question in (*texts, "gift card"):
        assert loaded.scores(question).tolist() == index.scores(question).tolist()
    more = loaded.update(np.ones(len(texts), np.bool_), ["a gift card"])
    assert more.scores("gift card")[-1] > 0


@pytest.mark.parametrize(("shortest", "tolerance"), [(40, 1e-5), (8, 0.03)])
def test_the_scores_are_those_of_bm25s(shortest: int, tolerance: float) -> None:
    """On the same terms. Its lengths count the pairs too: 2n - 1 for n units, so theirs differ a little in ratio."""
    random = np.random.default_rng(7)
    vocabulary = np.array([*(f"w{number}x" for number in range(400)), *"退货政策运费"])
    common = 1 / np.arange(1, len(vocabulary) + 1)

    def draw(size: int) -> str:
        return " ".join(random.choice(vocabulary, size, p=common / common.sum()))

    texts = ["\n" + draw(int(random.integers(shortest, 41))) for _ in range(300)]
    ids: dict[str, int] = {}
    tokens = [[ids.setdefault(term, len(ids)) for term in terms_of(text)] for text in texts]
    theirs = bm25s.BM25(k1=K1, b=B, method="lucene")
    theirs.index((tokens, ids), show_progress=False)
    ours = LexicalIndex.build(texts)
    for _ in range(40):
        question = draw(6)
        known = [ids[term] for term in asked_of(question).elements() if term in ids]
        wanted = theirs.get_scores_from_ids(known) * (K1 + 1)  # a factor that Lucene leaves out
        scores = ours.scores(question)
        np.testing.assert_allclose(scores, wanted, rtol=tolerance, atol=1e-5)
        ranked = wanted[np.argsort(-scores, kind="stable")]
        assert (ranked[:-1] >= ranked[1:] * (1 - tolerance) - 1e-5).all()


def best(texts: list[str], question: str) -> str:
    scores = LexicalIndex.build(texts).scores(question)
    assert scores.max() > 0
    return texts[int(scores.argmax())]


def test_words_are_found_in_their_other_forms() -> None:
    assert best(["Boots\nreturned within 30 days", "Hats\nwe sell hats"], "RETURNING a boot") == (
        "Boots\nreturned within 30 days"
    )


def test_neighbouring_words_are_a_term() -> None:
    texts = ["Help\na card for a gift and a box", "Help\na gift card and a bow box", "Help\nthe card box for gifts now"]
    assert best(texts, "gift card") == texts[1]


def test_chinese_is_found_by_a_part_of_a_longer_word() -> None:
    texts = ["运费\n满五百元免运费", "退货政策\n三十天内可以退货", "会员\n货物和退款"]
    assert best(texts, "退货") == texts[1]
    assert best(texts, "请问运费是多少？") == texts[0]


def test_decimals_are_told_apart() -> None:
    texts = ["Kettle\n1.2 litres", "Kettle\n1.7 litres", "Kettle\n1 or 2 or 7 litres"]
    assert [best(texts, f"{size} litre kettle") for size in ("1.2", "1.7")] == texts[:2]


def test_a_title_counts_three_times() -> None:
    index = LexicalIndex.build(["tents\nfor two people", "people\ntents for two", "two\nhats"])
    scores = index.scores("tents")
    assert scores[0] > scores[1] > scores[2] == 0


@pytest.mark.parametrize("title", ["", "!!", "🥾", "Ботинки"])
def test_a_title_without_words_makes_a_text_no_longer(title: str) -> None:
    scores = LexicalIndex.build([f"{title}\nred boots", "red\nboots", "\nred boots"]).scores("boots")
    assert scores[0] == scores[2]


def test_documents_without_words_score_nothing() -> None:
    index = LexicalIndex.build(["Ботинки\nкрасные", "Boots\nred"])
    assert index.whole(np.array([0, 1], np.int32)).scores("boots").tolist()[0] == 0
    assert index.scores("boots").tolist()[0] == 0


@pytest.mark.parametrize("question", ["the", "who are you", "我们", "how do I"])
def test_a_question_of_function_words_alone_still_finds_something(question: str) -> None:
    index = LexicalIndex.build(["About\nwho we are, and how you and I do the things we do", "关于\n我们是谁", "Hats"])
    assert index.scores(question).max() > 0


def test_function_words_beside_others_only_count_in_pairs() -> None:
    index = LexicalIndex.build(["Help\nthe the the the of the", "Help\nboots", "Help\nhow much are boots"])
    assert index.scores("the boots")[0] == 0
    scores = index.scores("how much boots")
    assert scores[2] > scores[1]


def test_function_words_are_known_as_written_and_as_units() -> None:
    for word in ("please", "why", "does", "any", "的"):
        assert {word, *units(word)} <= STOPWORDS


@pytest.mark.parametrize("question", ["", "  ", "?!", "🥾", "xylophone", "\ud800", "\x00"])
def test_nothing_asked_or_nothing_known_scores_nothing(question: str) -> None:
    assert LexicalIndex.build(["Boots\nred"]).scores(question).tolist() == [0.0]


def test_an_empty_index_answers() -> None:
    empty = LexicalIndex.build([])
    assert len(empty) == 0
    assert empty.scores("boots").shape == empty.whole(np.empty(0, np.int32)).scores("boots").shape == (0,)
    assert empty.rarity("boots") > 0
    assert empty.update(np.empty(0, np.bool_), ["Boots\nred"]).scores("boots")[0] > 0


@given(texts=st.lists(phrases, min_size=1, max_size=8))
def test_rarity_is_the_idf_of_a_unit_or_a_pair(texts: list[str]) -> None:
    index, counts = LexicalIndex.build(texts), [weighted(text)[0] for text in texts]
    for term in {term for count in counts for term in count} | {"nowhere"}:
        having = sum(term in count for count in counts)
        assert index.rarity(term) == pytest.approx(log(1 + (len(texts) - having + 0.5) / (having + 0.5)))


def test_rarity_takes_units_as_they_are() -> None:
    """The stem of "purchase" has a stem of its own, which no text has."""
    (unit,) = units("purchase")
    assert units(unit) != [unit]
    index = LexicalIndex.build(["Help\npurchases", "Hats\npurchased", "Boots"])
    assert index.rarity(unit) < index.rarity("boot")
    assert LexicalIndex.build(["运费", "退货", "退款"]).rarity("退货") == pytest.approx(log(1 + 2.5 / 1.5))


def test_a_word_that_fills_a_text_is_counted_to_the_limit() -> None:
    long, short = " ".join(["boots"] * 70_000), "boots"
    scores = LexicalIndex.build([f"\n{long}", f"\n{short}", "\nhats"]).scores("boots")
    assert scores[0] > 0
    assert np.isfinite(scores).all()


def test_threads_stem_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snowball's own stemmer works on a word inside itself: a second thread gets the first's stem."""
    monkeypatch.setattr("retrieval.lexical._stemmer", EnglishStemmer())  # which it takes where PyStemmer is not
    words = [f"{start}{end}" for start in STARTS for end in ENDS]
    tagged = [[f"{letter}{other}{word}" for other in "mnp" for word in words] for letter in "bcdfghjk"]
    together = Barrier(len(tagged))

    def stems(mine: list[str]) -> list[list[str]]:
        together.wait()
        return [units(word) for word in mine]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(tagged)) as pool:
            found = list(pool.map(stems, tagged))
    finally:
        sys.setswitchinterval(interval)
    alone = EnglishStemmer()
    assert found == [[[alone.stemWord(word)] for word in mine] for mine in tagged]


def test_of_the_other_words_for_a_thing_the_best_counts_not_all() -> None:
    index = LexicalIndex.build(["delivery", "delivery shipping postage", "refund"])
    one = index.scores("xyzzy", [{"delivery": 1.0}])
    all_three = index.scores("xyzzy", [{"delivery": 1.0, "shipping": 1.0, "postage": 1.0}])
    separately = [index.scores(word) for word in ("delivery", "shipping", "postage")]
    assert one == pytest.approx(separately[0])
    assert all_three == pytest.approx(np.max(separately, axis=0))


def test_other_words_are_added_to_the_questions_own() -> None:
    index = LexicalIndex.build(["boots refund", "boots", "socks"])
    added = index.scores("boots", [{"refund": 0.5}, {"socks": 0.25}])
    assert added == pytest.approx(index.scores("boots") + 0.5 * index.scores("refund") + 0.25 * index.scores("socks"))


def test_several_terms_of_other_words_weigh_the_root_of_their_number() -> None:
    index = LexicalIndex.build(["gift card", "card"])
    assert index.scores("xyzzy", [{"gift card": 1.0}]) == pytest.approx(index.scores("gift card") / 3**0.5)


@given(texts=corpora, question=phrases, others=st.lists(st.dictionaries(phrases, st.floats(0, 2)), max_size=4))
def test_other_words_only_ever_add(texts: list[str], question: str, others: list[dict[str, float]]) -> None:
    index = LexicalIndex.build(texts)
    whole = index.whole(np.arange(len(texts), dtype=np.int32))
    for ranking in (index, whole):
        plain, more = ranking.scores(question), ranking.scores(question, others)
        assert np.all(more >= plain - 1e-5)
        expected = plain.astype(float)
        for words in others:
            best = [
                ranking.scores(text) * weight / max(len(terms_asked(text)), 1) ** 0.5 for text, weight in words.items()
            ]
            expected += np.max(best, axis=0) if best else 0.0
        assert more == pytest.approx(expected, abs=1e-3)


def terms_asked(text: str) -> list[str]:
    return list(asked_of(text).elements())
