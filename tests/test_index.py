"""The vector index against numpy brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.errors import DamagedSnapshot, RetrievalError
from retrieval.index import VectorIndex

DIMENSIONS = 6
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def vectors_of(ids: Ints | range, dimensions: int = DIMENSIONS) -> Floats:
    """One vector an id, the same each time, of different lengths."""
    rows = [np.random.default_rng(int(number)).standard_normal(dimensions) * (1 + number % 7) for number in ids]
    return np.array(rows, np.float32).reshape(len(rows), dimensions)


def clustered(count: int, seed: int = 1, dimensions: int = 32, clusters: int = 60) -> Floats:
    """Points around centres, as sentence embeddings lie; every seed has the same centres."""
    centres = np.random.default_rng(0).standard_normal((clusters, dimensions))
    random = np.random.default_rng(seed)
    points = centres[random.integers(clusters, size=count)] + 0.6 * random.standard_normal((count, dimensions))
    return points.astype(np.float32)


def brute_force(queries: Floats, ids: Ints, vectors: Floats, k: int) -> tuple[Ints, Floats]:
    """The k best by cosine, equal scores by id; -1 and -inf where there are fewer."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    scores = asked.astype(np.float64) @ unit.T.astype(np.float64)
    found = np.full((len(queries), k), -1, np.int64)
    best = np.full((len(queries), k), -np.inf, np.float32)
    for row, line in enumerate(scores):
        order = np.lexsort((ids, -line))[:k]
        found[row, : len(order)], best[row, : len(order)] = ids[order], line[order]
    return found, best


def recall(found: Ints, truth: Ints) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


steps = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 40), max_size=12)), max_size=8)


@given(steps=steps, k=st.integers(1, 15), seed=st.integers(0, 99))
def test_search_equals_brute_force_after_any_adds_and_removes(
    steps: list[tuple[bool, set[int]]], k: int, seed: int
) -> None:
    index = VectorIndex(DIMENSIONS)
    present: set[int] = set()
    for adding, some in steps:
        if adding:
            new = np.array(sorted(some - present), np.int64)
            index.add(new, vectors_of(new))
            present |= some
        else:
            assert index.remove(np.array(sorted(some), np.int64)) == len(some & present)
            present -= some
    ids = np.array(sorted(present), np.int64)
    queries = np.random.default_rng(seed).standard_normal((3, DIMENSIONS)).astype(np.float32)
    found, scores = index.search(queries, k)
    expected, best = brute_force(queries, ids, vectors_of(ids), k)
    assert len(index) == len(present)
    assert np.array_equal(found, expected)
    assert np.allclose(scores, best, atol=1e-5)


@given(present=st.sets(st.integers(0, 60)), allowed=st.sets(st.integers(0, 80)), k=st.integers(1, 9))
def test_only_allowed_ids_are_found_and_all_of_the_best_of_them(present: set[int], allowed: set[int], k: int) -> None:
    ids = np.array(sorted(present), np.int64)
    index = VectorIndex.build(ids, vectors_of(ids))
    queries = vectors_of(range(100, 103))
    found, scores = index.search(queries, k, np.array(sorted(allowed), np.int64))
    both = np.array(sorted(present & allowed), np.int64)
    expected, best = brute_force(queries, both, vectors_of(both), k)
    assert np.array_equal(found, expected)
    assert np.allclose(scores, best, atol=1e-5)


@pytest.mark.parametrize("flat_limit", [10_000, 100], ids=["flat", "ivf"])
class TestBothKinds:
    """What holds for the exact and for the approximate index."""

    def index(self, flat_limit: int) -> VectorIndex:
        index = VectorIndex.build(np.arange(0, 3000, 2), clustered(1500), flat_limit)
        assert index.exact == (flat_limit > 1500)
        return index

    def test_a_vector_finds_itself_with_score_one(self, flat_limit: int) -> None:
        found, scores = self.index(flat_limit).search(clustered(1500)[:200], 1)
        assert found[:, 0].tolist() == list(range(0, 400, 2))
        assert np.allclose(scores, 1.0, atol=1e-6 if flat_limit > 1500 else 1e-2)

    def test_a_batch_equals_its_queries_one_by_one(self, flat_limit: int) -> None:
        index, queries = self.index(flat_limit), clustered(20, seed=2)
        found, scores = index.search(queries, 5)
        for row, query in enumerate(queries):
            alone, alone_scores = index.search(query[None], 5)
            assert alone[0].tolist() == found[row].tolist()
            assert np.allclose(alone_scores[0], scores[row], atol=1e-6)

    def test_the_length_of_a_vector_does_not_matter(self, flat_limit: int) -> None:
        index, queries = self.index(flat_limit), clustered(20, seed=2)
        found, scores = index.search(queries, 5)
        scaled, scaled_scores = index.search(queries * 1000, 5)
        assert np.array_equal(found, scaled)
        assert np.allclose(scores, scaled_scores, atol=1e-6)

    def test_a_removed_vector_is_gone_and_the_others_keep_their_ids(self, flat_limit: int) -> None:
        index, vectors = self.index(flat_limit), clustered(1500)
        assert index.remove([0, 2, 4, 5]) == 3
        found, _ = index.search(vectors[:10], 1)
        assert not {0, 2, 4} & set(found[:, 0].tolist())
        assert found[3:, 0].tolist() == list(range(6, 20, 2))
        index.add([3001], vectors[:1])
        assert index.search(vectors[:1], 1)[0].tolist() == [[3001]]

    def test_vectors_come_back_in_the_order_asked_for(self, flat_limit: int) -> None:
        index, vectors = self.index(flat_limit), clustered(1500)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        back = index.vectors([20, 6, 2998])
        assert np.all(np.sum(back * unit[[10, 3, 1499]], axis=1) > 0.999)
        assert np.allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
        with pytest.raises(RetrievalError, match="no vector"):
            index.vectors([1])
        assert index.remove([20]) == 1  # the look-up left it erasable

    def test_saved_and_loaded_it_is_the_same(self, flat_limit: int, tmp_path: Path) -> None:
        index, queries = self.index(flat_limit), clustered(20, seed=2)
        index.save(tmp_path / "vectors.faiss")
        again = VectorIndex.load(tmp_path / "vectors.faiss", flat_limit)
        assert len(again) == 1500
        assert again.exact == index.exact
        for before, after in zip(index.search(queries, 5), again.search(queries, 5), strict=True):
            assert np.array_equal(before, after)
        assert again.remove([0]) == 1

    def test_a_rare_permission_still_finds_k(self, flat_limit: int) -> None:
        index, allowed = self.index(flat_limit), np.arange(0, 3000, 100)
        found, _ = index.search(clustered(20, seed=2), 10, allowed)
        expected, _ = brute_force(clustered(20, seed=2), allowed, clustered(1500)[allowed // 2], 10)
        assert recall(found, expected) >= 0.97

    def test_more_asked_for_than_there_is(self, flat_limit: int) -> None:
        found, scores = self.index(flat_limit).search(clustered(2, seed=2), 1600)
        assert (found[:, :1500] >= 0).all()
        assert (found[:, 1500:] == -1).all()
        assert (scores[:, 1500:] == -np.inf).all()
        assert (np.diff(scores[:, :1500], axis=1) <= 0).all()


def test_the_approximate_index_finds_what_the_exact_one_finds() -> None:
    points, queries = clustered(6000), clustered(300, seed=2)
    ids = np.arange(6000)
    truth, _ = VectorIndex.build(ids, points).search(queries, 10)
    index = VectorIndex.build(ids, points, flat_limit=1000)
    assert not index.exact
    assert recall(index.search(queries, 10)[0], truth) >= 0.97
    everyone = index.search(queries, 10, ids)[0]
    assert recall(everyone, truth) >= 0.97


def test_growing_over_the_limit_and_shrinking_under_it_changes_the_kind_with_some_slack() -> None:
    points = clustered(400)
    index = VectorIndex.build(np.arange(100), points[:100], flat_limit=100)
    assert index.exact
    index.add([100], points[100:101])
    assert not index.exact
    index.remove([100, 99, 98])
    assert not index.exact, "an index that hovers at the limit is not rebuilt each time"
    index.remove(np.arange(70, 98))
    assert index.exact
    assert len(index) == 70
    assert index.search(points[:70], 1)[0][:, 0].tolist() == list(range(70))


def test_an_index_that_outgrew_its_training_is_trained_again() -> None:
    points = clustered(3000)
    grown = VectorIndex.build(np.arange(200), points[:200], flat_limit=100)
    for start in range(200, 3000, 400):
        grown.add(np.arange(start, start + 400), points[start : start + 400])
    truth, _ = VectorIndex.build(np.arange(3000), points).search(points[:200], 10)
    assert recall(grown.search(points[:200], 10)[0], truth) >= 0.97


def test_two_builds_of_the_same_vectors_are_the_same() -> None:
    queries = clustered(50, seed=2)
    one, two = (VectorIndex.build(np.arange(1500), clustered(1500), flat_limit=100) for _ in range(2))
    assert np.array_equal(one.search(queries, 5)[0], two.search(queries, 5)[0])


def test_an_empty_index_finds_nothing() -> None:
    index = VectorIndex.build([], np.empty((0, 4)))
    found, scores = index.search(np.ones((2, 4)), 3)
    assert found.tolist() == [[-1] * 3] * 2
    assert np.all(scores == -np.inf)
    assert index.vectors([]).shape == (0, 4)
    assert index.remove([1]) == 0


def test_no_queries_and_no_permission_find_nothing() -> None:
    index = VectorIndex.build([1], [[1.0, 0.0]])
    assert index.search(np.empty((0, 2)), 3)[0].shape == (0, 3)
    assert index.search([[1.0, 0.0]], 1, [])[0].tolist() == [[-1]]


@pytest.mark.parametrize("ids", [[5, 3, 9, 1], [1, 3, 9, 5], [3, 5, 9, 1]])
def test_equal_scores_are_in_order_of_id(ids: list[int]) -> None:
    index = VectorIndex.build(ids, [[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    found, scores = index.search([[1.0, 0.0]], 4)
    assert found.tolist() == [[1, 3, 5, 9]]
    assert scores.tolist() == [[1.0, 1.0, 1.0, 0.0]]


def test_a_zero_vector_scores_nothing() -> None:
    found, scores = VectorIndex.build([1, 2], [[0.0, 0.0], [1.0, 1.0]]).search([[1.0, 1.0]], 2)
    assert found.tolist() == [[2, 1]]
    assert np.allclose(scores, [[1, 0]])


@pytest.mark.parametrize(
    ("ids", "vectors", "said"),
    [
        ([1], [[1.0, 2.0, 3.0]], r"\(1, 3\).*2 dimensions"),
        ([1, 2], [[1.0, 2.0]], "2 ids for 1 vectors"),
        ([7], [[1.0, 2.0]], "new, unique"),
        ([1, 1], [[1.0, 2.0]] * 2, "new, unique"),
        ([-1], [[1.0, 2.0]], "at least 0"),
        ([1], [[np.nan, 2.0]], "NaN"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    ids: list[int], vectors: list[list[float]], said: str
) -> None:
    index = VectorIndex.build([7], [[1.0, 0.0]])
    with pytest.raises(RetrievalError, match=said):
        index.add(ids, vectors)
    assert len(index) == 1


def test_a_query_of_another_size_is_refused() -> None:
    index = VectorIndex.build([7], [[1.0, 0.0]])
    with pytest.raises(RetrievalError, match="2 dimensions"):
        index.search([[1.0, 0.0, 0.0]], 1)
    with pytest.raises(RetrievalError, match="k = 0"):
        index.search([[1.0, 0.0]], 0)


@pytest.mark.parametrize("content", [b"", b"not an index", b"IxFI" + bytes(40)])
def test_a_file_that_is_no_index_is_damage(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "vectors.faiss").write_bytes(content)
    with pytest.raises(DamagedSnapshot, match=r"vectors\.faiss"):
        VectorIndex.load(tmp_path / "vectors.faiss")


def test_a_truncated_file_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    VectorIndex.build(np.arange(50), clustered(50)).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedSnapshot):
        VectorIndex.load(path)


def test_a_full_disk_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left"):
        VectorIndex.build(np.arange(5000), clustered(5000)).save(Path("/dev/full"))
