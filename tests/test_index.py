"""The vector index against numpy brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.errors import DamagedSnapshot, RetrievalError
from retrieval.index import Allowed, VectorIndex

DIMENSIONS = 6
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
KINDS = ("exact", "codes", "lists")


def some_vectors(count: int, seed: int = 0, dimensions: int = DIMENSIONS) -> Floats:
    """Vectors of different lengths."""
    random = np.random.default_rng(seed)
    return (random.standard_normal((count, dimensions)) * random.uniform(1, 8, (count, 1))).astype(np.float32)


def unit(vectors: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def clustered(count: int, seed: int = 1, dimensions: int = 32, clusters: int = 60) -> Floats:
    """Points around centres, as sentence embeddings lie; every seed has the same centres."""
    centres = np.random.default_rng(0).standard_normal((clusters, dimensions))
    random = np.random.default_rng(seed)
    points = centres[random.integers(clusters, size=count)] + 0.6 * random.standard_normal((count, dimensions))
    return points.astype(np.float32)


def brute_force(queries: Floats, vectors: Floats, k: int, mask: Mask | None = None) -> tuple[Ints, Floats]:
    """The k best by cosine, equal scores by position; -1 and -inf where there are fewer."""
    scores = unit(queries).astype(np.float64) @ unit(vectors).T.astype(np.float64)
    among = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    found = np.full((len(queries), k), -1, np.int64)
    best = np.full((len(queries), k), -np.inf, np.float32)
    for row, line in enumerate(scores):
        order = among[np.lexsort((among, -line[among]))][:k]
        found[row, : len(order)], best[row, : len(order)] = order, line[order]
    return found, best


def recall(found: Ints, truth: Ints) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


steps = st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 40), max_size=12)), max_size=6)


@given(steps=steps, k=st.integers(1, 15))
def test_search_equals_brute_force_after_any_adds_and_removes(steps: list[tuple[int, set[int]]], k: int) -> None:
    index, model = VectorIndex(DIMENSIONS), some_vectors(0)
    for number, (adding, some) in enumerate(steps):
        new = some_vectors(adding, seed=number)
        index.add(new)
        model = np.concatenate([model, new])
        gone = [position for position in some if position < len(model)]
        index.remove(gone)
        model = np.delete(model, gone, axis=0)
    queries = some_vectors(3, seed=99)
    found, scores = index.search(queries, k)
    expected, best = brute_force(queries, model, k)
    assert len(index) == len(model)
    assert np.array_equal(found, expected)
    assert np.allclose(scores, best, atol=1e-5)


@given(allowed=st.lists(st.booleans(), max_size=60), k=st.integers(1, 9))
def test_only_what_is_allowed_is_found_and_all_of_the_best_of_it(allowed: list[bool], k: int) -> None:
    vectors, queries, mask = some_vectors(len(allowed)), some_vectors(3, seed=99), np.array(allowed, np.bool_)
    found, scores = VectorIndex.build(vectors).search(queries, k, Allowed(mask))
    expected, best = brute_force(queries, vectors, k, mask)
    assert np.array_equal(found, expected)
    assert np.allclose(scores, best, atol=1e-5)


@pytest.mark.parametrize(("flat_limit", "codes_from"), [(10_000, 10_000), (10_000, 100), (100, 100)], ids=KINDS)
class TestEachKind:
    """What holds for the exact index, for the one with codes, and for the one with lists."""

    def index(self, flat_limit: int, codes_from: int) -> VectorIndex:
        index = VectorIndex.build(clustered(1500), flat_limit, codes_from)
        assert index.exact == (codes_from > 1500)
        return index

    def test_a_vector_finds_itself_with_score_one(self, flat_limit: int, codes_from: int) -> None:
        found, scores = self.index(flat_limit, codes_from).search(clustered(1500)[:200], 1)
        assert found[:, 0].tolist() == list(range(200))
        assert np.allclose(scores, 1.0, atol=1e-6 if flat_limit > 1500 else 1e-2)

    def test_a_batch_equals_its_queries_one_by_one(self, flat_limit: int, codes_from: int) -> None:
        index, queries = self.index(flat_limit, codes_from), clustered(20, seed=2)
        found, scores = index.search(queries, 5)
        for row, query in enumerate(queries):
            alone, alone_scores = index.search(query[None], 5)
            assert alone[0].tolist() == found[row].tolist()
            assert np.allclose(alone_scores[0], scores[row], atol=1e-6)

    def test_what_is_near_holds_what_a_search_finds(self, flat_limit: int, codes_from: int) -> None:
        index, mask = self.index(flat_limit, codes_from), np.arange(1500) % 3 > 0
        for query in clustered(20, seed=2):
            for allowed in (None, Allowed(mask)):
                near = index.near(query, 20, allowed).tolist()
                assert len(near) == len(set(near))
                assert set(near) >= set(index.search(query[None], 20, allowed)[0][0].tolist())
                assert allowed is None or mask[near].all()

    def test_the_length_of_a_vector_does_not_matter(self, flat_limit: int, codes_from: int) -> None:
        index, queries = self.index(flat_limit, codes_from), clustered(20, seed=2)
        found, scores = index.search(queries, 5)
        scaled, scaled_scores = index.search(queries * 1000, 5)
        assert np.array_equal(found, scaled)
        assert np.allclose(scores, scaled_scores, atol=1e-6)

    def test_what_is_removed_is_gone_and_the_others_move_up(self, flat_limit: int, codes_from: int) -> None:
        index, vectors = self.index(flat_limit, codes_from), clustered(1500)
        index.remove([2, 0, 1, 700, 1])
        left = np.delete(vectors, [0, 1, 2, 700], axis=0)
        found, _ = index.search(left[:900], 1)
        assert found[:, 0].tolist() == list(range(900))
        index.add(vectors[:1])
        assert index.search(vectors[:2], 1)[0][0].tolist() == [1496]
        assert np.all(np.sum(index.vectors(np.arange(1496)) * unit(left), axis=1) > 0.999)

    def test_after_changes_it_finds_what_is_there(self, flat_limit: int, codes_from: int) -> None:
        index, model, queries = self.index(flat_limit, codes_from), clustered(1500), clustered(50, seed=2)
        for seed in range(3):
            gone, new = np.random.default_rng(seed).choice(len(model), 200, replace=False), clustered(150, 10 + seed)
            index.remove(gone)
            index.add(new)
            model = np.concatenate([np.delete(model, gone, axis=0), new])
        for mask in (np.ones(len(model), np.bool_), np.arange(len(model)) % 2 == 0):
            expected, _ = brute_force(queries, model, 10, mask)
            found, scores = index.search(queries, 10, Allowed(mask))
            assert mask[found].all()
            assert recall(found, expected) >= 0.97
            for query, positions, said in zip(unit(queries), found, scores, strict=True):
                assert np.allclose(said, unit(model)[positions] @ query, atol=5e-2)  # 8 bits cut extremes off

    def test_vectors_come_back_in_the_order_asked_for(self, flat_limit: int, codes_from: int) -> None:
        index, vectors = self.index(flat_limit, codes_from), clustered(1500)
        back = index.vectors([10, 3, 1499])
        assert np.all(np.sum(back * unit(vectors)[[10, 3, 1499]], axis=1) > 0.999)
        assert np.allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
        query = unit(vectors)[3]
        assert index.cosines([10, 3, 1499], query) == pytest.approx(back @ query, abs=1e-6)
        with pytest.raises(RetrievalError, match="no vector"):
            index.vectors([1500])
        for outside in ([1500], [-1, 3]):
            with pytest.raises(RetrievalError, match="no vector"):
                index.cosines(outside, query)
        index.remove([20])  # the look-up left it erasable
        assert len(index) == 1499

    def test_saved_and_loaded_it_is_the_same(self, flat_limit: int, codes_from: int, tmp_path: Path) -> None:
        index, queries = self.index(flat_limit, codes_from), clustered(20, seed=2)
        index.save(tmp_path / "vectors.faiss")
        again = VectorIndex.load(tmp_path / "vectors.faiss", flat_limit, codes_from)
        assert len(again) == 1500
        assert again.exact == index.exact
        for before, after in zip(index.search(queries, 5), again.search(queries, 5), strict=True):
            assert np.array_equal(before, after)
        for one in (index, again):
            one.remove([0, 7])
            one.add(queries)
        for before, after in zip(index.search(queries, 5), again.search(queries, 5), strict=True):
            assert np.array_equal(before, after)

    def test_a_rare_permission_still_finds_k(self, flat_limit: int, codes_from: int) -> None:
        index, mask = self.index(flat_limit, codes_from), np.arange(1500) % 50 == 0
        found, _ = index.search(clustered(20, seed=2), 10, Allowed(mask))
        expected, _ = brute_force(clustered(20, seed=2), clustered(1500), 10, mask)
        assert recall(found, expected) >= 0.97

    def test_more_asked_for_than_there_is(self, flat_limit: int, codes_from: int) -> None:
        found, scores = self.index(flat_limit, codes_from).search(clustered(2, seed=2), 1600)
        assert (found[:, :1500] >= 0).all()
        assert (found[:, 1500:] == -1).all()
        assert (scores[:, 1500:] == -np.inf).all()
        assert (np.diff(scores[:, :1500], axis=1) <= 0).all()


@pytest.mark.parametrize("weight", [1, 10], ids=["even", "a few values decide"])
def test_codes_find_nearly_all_that_comparing_every_vector_finds(weight: int) -> None:
    points, queries = clustered(6000, dimensions=128), clustered(100, seed=2, dimensions=128)
    points[:, :4] *= weight
    queries[:, :4] *= weight
    index = VectorIndex.build(points, codes_from=1000)
    truth, best = brute_force(queries, points, 100)
    found, scores = index.search(queries, 100)
    assert not index.exact
    assert recall(found, truth) >= 0.99
    assert recall(found[:, :10], truth[:, :10]) == 1.0
    assert np.allclose(scores[:, :10], best[:, :10], atol=1e-5)


def test_an_odd_number_of_dimensions_has_no_codes() -> None:
    assert VectorIndex.build(clustered(200, dimensions=7), codes_from=100).exact


def test_codes_begin_above_their_limit_and_end_some_way_below_it() -> None:
    points = clustered(101)
    index = VectorIndex.build(points[:100], codes_from=100)
    assert index.exact
    index.add(points[100:])
    assert not index.exact
    index.remove(np.arange(80, 100))
    assert not index.exact, "an index that hovers at the limit is not coded each time"
    index.remove([80, 79])
    assert index.exact
    assert index.search(points[:79], 1)[0][:, 0].tolist() == list(range(79))


def test_an_index_saved_without_codes_gets_them(tmp_path: Path) -> None:
    VectorIndex.build(clustered(200)).save(tmp_path / "vectors.faiss")
    assert not VectorIndex.load(tmp_path / "vectors.faiss", codes_from=100).exact


def test_the_approximate_index_finds_what_the_exact_one_finds() -> None:
    points, queries = clustered(6000), clustered(300, seed=2)
    truth, _ = brute_force(queries, points, 10)
    index = VectorIndex.build(points, flat_limit=1000)
    assert not index.exact
    assert recall(index.search(queries, 10)[0], truth) >= 0.97
    everyone = index.search(queries, 10, Allowed(np.ones(6000, np.bool_)))[0]
    assert recall(everyone, truth) >= 0.97


def test_growing_over_the_limit_and_shrinking_under_it_changes_the_kind_with_some_slack() -> None:
    points = clustered(400)
    index = VectorIndex.build(points[:100], flat_limit=100)
    assert index.exact
    index.add(points[100:101])
    assert not index.exact
    index.remove([100, 99, 98])
    assert not index.exact, "an index that hovers at the limit is not rebuilt each time"
    index.remove(np.arange(70, 98))
    assert index.exact
    assert len(index) == 70
    assert index.search(points[:70], 1)[0][:, 0].tolist() == list(range(70))


def test_an_index_that_outgrew_its_training_is_trained_again() -> None:
    points = clustered(3000)
    grown = VectorIndex.build(points[:200], flat_limit=100)
    for start in range(200, 3000, 400):
        grown.add(points[start : start + 400])
    truth, _ = brute_force(points[:200], points, 10)
    assert recall(grown.search(points[:200], 10)[0], truth) >= 0.97


def test_two_builds_of_the_same_vectors_are_the_same() -> None:
    queries = clustered(50, seed=2)
    one, two = (VectorIndex.build(clustered(1500), flat_limit=100) for _ in range(2))
    assert np.array_equal(one.search(queries, 5)[0], two.search(queries, 5)[0])


def test_an_empty_index_finds_nothing() -> None:
    index = VectorIndex.build(np.empty((0, 4)))
    found, scores = index.search(np.ones((2, 4)), 3)
    assert found.tolist() == [[-1] * 3] * 2
    assert np.all(scores == -np.inf)
    assert index.near(np.ones(4, np.float32), 3).shape == (0,)
    assert index.vectors([]).shape == (0, 4)
    index.remove([])


def test_no_queries_and_no_permission_find_nothing() -> None:
    index = VectorIndex.build([[1.0, 0.0]])
    assert index.search(np.empty((0, 2)), 3)[0].shape == (0, 3)
    assert index.search([[1.0, 0.0]], 1, Allowed(np.zeros(1, np.bool_)))[0].tolist() == [[-1]]


def test_equal_scores_are_in_order_of_position() -> None:
    found, scores = VectorIndex.build([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [3.0, 0.0]]).search([[1.0, 0.0]], 4)
    assert found.tolist() == [[0, 2, 3, 1]]
    assert scores.tolist() == [[1.0, 1.0, 1.0, 0.0]]


def test_a_zero_vector_scores_nothing() -> None:
    found, scores = VectorIndex.build([[0.0, 0.0], [1.0, 1.0]]).search([[1.0, 1.0]], 2)
    assert found.tolist() == [[1, 0]]
    assert np.allclose(scores, [[1, 0]])


@pytest.mark.parametrize(
    ("vectors", "said"),
    [([[1.0, 2.0, 3.0]], r"\(1, 3\).*2 dimensions"), ([1.0, 2.0], "2 dimensions"), ([[np.nan, 2.0]], "NaN")],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(vectors: list[list[float]], said: str) -> None:
    index = VectorIndex.build([[1.0, 0.0]])
    with pytest.raises(RetrievalError, match=said):
        index.add(vectors)
    with pytest.raises(RetrievalError, match=said):
        index.near(np.array(vectors[0], np.float32), 1)
    assert len(index) == 1


def test_a_query_of_another_size_is_refused() -> None:
    index = VectorIndex.build([[1.0, 0.0]])
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
    for codes_from in (10, 100):
        VectorIndex.build(clustered(50), codes_from=codes_from).save(path)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DamagedSnapshot):
            VectorIndex.load(path)


def test_a_full_disk_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="No space left"):
        VectorIndex.build(clustered(5000)).save(Path("/dev/full"))
