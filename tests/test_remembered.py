"""What was worked out lately is not worked out again, and no more than so much is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from retrieval.remembered import Remembered


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), max_size=8), st.integers(1, 6))
def test_it_gives_what_working_out_gives(asked: list[list[str]], size: int) -> None:
    known = Remembered(size, lambda texts: [text.upper() for text in texts])
    for texts in asked:
        assert known.of(texts) == [text.upper() for text in texts]


def test_the_last_texts_are_worked_out_once_and_older_ones_again() -> None:
    done: list[str] = []

    def work_out(texts: list[str]) -> list[str]:
        done.extend(texts)
        return texts

    known = Remembered(2, work_out)
    known.of(["a", "b", "a"])
    known.of(["a"])
    assert done == ["a", "b"]
    known.of(["c"])  # "b" is what was not asked for longest
    known.of(["a"])
    assert done == ["a", "b", "c"]
    known.of(["b"])
    assert done == ["a", "b", "c", "b"]


def test_several_threads_get_what_is_theirs() -> None:
    known = Remembered(3, lambda texts: [text * 2 for text in texts])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: known.of([str(number % 7)]), range(500)))
    assert found == [[str(number % 7) * 2] for number in range(500)]
