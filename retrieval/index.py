"""The vector index: exact while it is small, IVF with 8-bit codes above that. The only file that imports faiss.

A few thousand vectors are all compared with the query. More of them have codes beside them, of 2 bits for each value: a
scan of the codes gives a few hundred, and those are compared. On one core that takes 0.2 ms among 10,000 vectors of 384
dimensions, where comparing them all takes 0.6 ms, and 0.6 ms among 100,000. Where even the codes would be much to read,
an inverted file (IVF) of 8-bit scalar-quantised vectors reads only the lists nearest the query.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrieval.errors import DamagedSnapshot, RetrievalError

Positions = NDArray[np.int64]
Vectors = NDArray[np.float32]

FLAT_LIMIT: Final = 200_000
CODES_FROM: Final = 4_000
SHRINK: Final = 0.8  # back below this share of a limit: an index that hovers at the limit is not rebuilt each time
WIDER: Final = 3  # so many times k are taken by their codes
LEAST: Final = 300  # and at least so many
# Where 4 values keep most of a normal distribution: Max, "Quantizing for Minimum Distortion" (1960).
LEVELS: Final = (-1.5104, -0.4528, 0.4528, 1.5104)
SAMPLED: Final = 10_000  # vectors whose values say where the levels lie
GROWTH: Final = 4  # trained lists serve until the index is this many times what they were trained for
LISTS_PER_ROOT: Final = 4  # lists = 4 * sqrt(n), the usual rule
SAMPLES_PER_LIST: Final = 40
ITERATIONS: Final = 6
RECALL: Final = 0.995
TRIALS: Final = 128
MANY_QUERIES: Final = 16
SEED: Final = 2027


class Allowed:
    """The positions that a search may find: made once, for many searches. `mask` is bool, of shape (n,)."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask
        self.count = int(mask.sum())
        self.selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        self.everywhere = faiss.SearchParametersIVF(sel=self.selector)  # for an index with one list


class VectorIndex:
    """Vectors by their position, 0 to n - 1 as they were added; the score is the cosine, higher is better.

    Vectors are normalised here and nowhere else; a zero vector stays zero and scores 0. What is removed leaves no gap.
    Searching is thread-safe; adding and removing are not.
    Up to `codes_from` vectors a search is exact. Up to `flat_limit` its scores are, and recall@100 is 0.998 on real
    sentence embeddings. Above it recall@10 is 0.98, and `vectors` gives back what the 8-bit codes kept (cosine above
    0.999 to the vector that was added).
    """

    def __init__(self, dimensions: int, flat_limit: int = FLAT_LIMIT, codes_from: int = CODES_FROM) -> None:
        if dimensions < 1:
            raise RetrievalError(f"vectors of {dimensions} dimensions: at least 1 is needed")
        self.flat_limit, self.codes_from = flat_limit, codes_from
        self._index: Any = faiss.IndexFlatIP(dimensions)
        self._codes: Any = None

    @classmethod
    def build(cls, vectors: ArrayLike, flat_limit: int = FLAT_LIMIT, codes_from: int = CODES_FROM) -> VectorIndex:
        """An index of vectors of shape (n, d); n may be 0."""
        matrix = np.asarray(vectors, np.float32)
        if matrix.ndim != 2:
            raise RetrievalError(f"vectors of shape {matrix.shape}: expected (n, dimensions)")
        index = cls(matrix.shape[1], flat_limit, codes_from)
        index.add(matrix)
        return index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether a search looks at every vector."""
        return self._flat and self._codes is None

    def add(self, vectors: ArrayLike) -> None:
        """Adds vectors of shape (n, d) behind those that are there. Raises RetrievalError when a shape does not fit."""
        unit = self._unit(vectors)
        first, total = len(self), len(self) + len(unit)
        if not len(unit):
            return
        if total > self.flat_limit and (self._flat or total > GROWTH * self._trained_for()):
            self._index = _trained_ivf(np.concatenate([self.vectors(np.arange(first)), unit]))
            self._codes = None
        elif self._flat:
            self._index.add(unit)
        else:
            self._index.add_with_ids(unit, np.arange(first, total))
        if self._codes is not None:
            self._codes.add_with_ids(unit, np.arange(first, total))
        self._begin_codes()

    def remove(self, positions: ArrayLike) -> None:
        """Removes the vectors at these positions; those behind them move up."""
        gone = np.unique(np.asarray(positions, np.int64))
        if not gone.size:
            return
        _remove(self._index, gone)
        if len(self) < SHRINK * self.codes_from:
            self._codes = None
        if self._codes is not None:
            _remove(self._codes, gone)
        if not self._flat and len(self) < SHRINK * self.flat_limit:
            left = self.vectors(np.arange(len(self)))
            self._index = faiss.IndexFlatIP(self.dimensions)
            self.add(left)

    def search(self, queries: ArrayLike, k: int, allowed: Allowed | None = None) -> tuple[Positions, Vectors]:
        """The k best positions and their scores for queries of shape (q, d): two arrays of shape (q, k), best first.

        Only what is `allowed` is found, when it is given. Where fewer than k are found, the position is -1 and the
        score -inf. Equal scores are in ascending order of position.
        """
        unit = self._unit(queries)
        if k < 1:
            raise RetrievalError(f"k = {k}: at least 1 hit must be asked for")
        positions, scores = np.full((len(unit), k), -1, np.int64), np.full((len(unit), k), -np.inf, np.float32)
        for row, near in enumerate(self._near(unit, k, allowed)):
            found = np.sort(near[near >= 0])
            cosines = self.cosines(found, unit[row])
            best = np.argsort(-cosines, kind="stable")[:k]
            positions[row, : len(best)], scores[row, : len(best)] = found[best], cosines[best]
        return positions, scores

    def near(self, query: Vectors, k: int, allowed: Allowed | None = None) -> Positions:
        """What `search` finds for one query, of shape (d,), and some of what comes next, in no order."""
        if query.shape != (self.dimensions,) or not isfinite(query @ query):
            self._checked(query[None])  # says what is wrong
        (near,) = self._near(query[None], k, allowed)
        return np.asarray(near if near[-1] >= 0 else near[near >= 0], np.int64)

    def vectors(self, positions: ArrayLike) -> Vectors:
        """The unit vectors at these positions, shape (n, d). Raises RetrievalError for a position that is not there."""
        wanted = np.ascontiguousarray(positions, np.int64)
        if not wanted.size:
            return np.empty((0, self.dimensions), np.float32)
        try:
            if self._flat:
                return self._rows().take(wanted, axis=0)
            return _normalised(self._index.reconstruct_batch(wanted))
        except (IndexError, RuntimeError) as error:
            raise RetrievalError(f"no vector at one of the {wanted.size} positions asked for") from error

    def cosines(self, positions: ArrayLike, vector: Vectors) -> Vectors:
        """The scores of these positions for one unit vector, shape (n,); raises as `vectors`."""
        wanted, asked = np.ascontiguousarray(positions, np.int64), np.ascontiguousarray(vector, np.float32)
        if not self._flat:
            # Not `@`: its threads cost more than so few rows are worth, most of all beside another busy process.
            return np.asarray(np.einsum("ij,j->i", self.vectors(wanted), asked), np.float32)
        if not len(wanted):
            return np.empty(0, np.float32)
        if wanted.view(np.uint64).max() >= len(self):  # as such, a negative one is very large
            raise RetrievalError(f"no vector at one of the {wanted.size} positions asked for")
        scores = np.empty(len(wanted), np.float32)
        query, out, at = faiss.swig_ptr(asked), faiss.swig_ptr(scores), faiss.swig_ptr(wanted)
        with _OneThread():
            self._index.compute_distance_subset(1, query, len(wanted), out, at)  # where they lie: no copy is made
        return scores

    def save(self, path: Path) -> None:
        """Writes the index into one file. Raises OSError (disk full, for one) as it is."""
        with path.open("wb") as file:
            writer = faiss.PyCallbackIOWriter(file.write)
            faiss.write_index(self._index, writer)
            if self._codes is not None:
                faiss.write_index(self._codes, writer)

    @classmethod
    def load(cls, path: Path, flat_limit: int = FLAT_LIMIT, codes_from: int = CODES_FROM) -> VectorIndex:
        """The index that `save` wrote. Raises DamagedSnapshot when the file is not one.

        faiss accepts many damaged files: check the file's checksum first.
        """
        with path.open("rb") as file:
            reader = faiss.PyCallbackIOReader(file.read)
            try:
                raw = faiss.read_index(reader)
                codes = faiss.read_index(reader) if file.tell() < path.stat().st_size else None
            except RuntimeError as error:
                raise DamagedSnapshot(f"{path}: not a vector index; run `shopdesk index rollback`") from error
        if isinstance(raw, faiss.IndexIDMap2):  # as snapshots were written at first; in the same order
            return cls.build(raw.reconstruct_batch(faiss.vector_to_array(raw.id_map)), flat_limit, codes_from)
        if not isinstance(raw, faiss.IndexFlatIP | faiss.IndexIVFScalarQuantizer):
            raise DamagedSnapshot(
                f"{path}: a {type(raw).__name__} is not an index of ours; run `shopdesk index rollback`"
            )
        index = cls(raw.d, flat_limit, codes_from)
        index._index, index._codes = raw, codes
        index._begin_codes()
        return index

    def _checked(self, vectors: ArrayLike) -> Vectors:
        matrix = np.asarray(vectors, np.float32)
        if matrix.ndim != 2 or matrix.shape[1] != self.dimensions:
            raise RetrievalError(
                f"vectors of shape {matrix.shape}: this index has {self.dimensions} dimensions; "
                "use the embedder that it was built with, or ingest again"
            )
        if not np.isfinite(matrix).all():
            raise RetrievalError("vectors hold NaN or infinity; the embedding model is broken")
        return matrix

    def _unit(self, vectors: ArrayLike) -> Vectors:
        return _normalised(self._checked(vectors))

    @property
    def _flat(self) -> bool:
        return isinstance(self._index, faiss.IndexFlatIP)

    def _rows(self) -> Vectors:
        """The vectors of the flat index as they lie, shape (n, d); good until the next change."""
        values = faiss.rev_swig_ptr(self._index.get_xb(), self._index.ntotal * self._index.d)
        return np.asarray(values, np.float32).reshape(-1, self._index.d)

    def _begin_codes(self) -> None:
        """Codes for a flat index that is big enough, and has none yet."""
        if self._codes is None and self._flat and len(self) > self.codes_from and self.dimensions % 2 == 0:
            self._codes = _coded(self._rows())

    def _trained_for(self) -> int:
        return int((self._index.nlist / LISTS_PER_ROOT) ** 2)

    def _parameters(self, k: int, allowed: Allowed | None) -> Any:
        """How faiss searches the vectors themselves."""
        selector = None if allowed is None else allowed.selector
        if self._flat:
            return faiss.SearchParameters(sel=selector)
        nprobe = self._index.nprobe
        if allowed is not None:
            nprobe = nprobe * len(self) / allowed.count  # as many allowed vectors are met as without the filter
        probes = min(self._index.nlist, max(int(nprobe), -(-k * self._index.nlist // len(self))))
        return faiss.SearchParametersIVF(sel=selector, nprobe=probes)

    def _near(self, unit: Vectors, k: int, allowed: Allowed | None) -> Positions:
        """At least the k best positions for each query, in no order, and -1 where there are fewer."""
        there, wide = len(self) if allowed is None else allowed.count, max(WIDER * k, LEAST)
        if not there or not len(unit):
            return np.full((len(unit), k), -1, np.int64)
        with _OneThread() if len(unit) < MANY_QUERIES else nullcontext():
            if self._codes is None or wide >= there:
                return np.asarray(self._index.search(unit, k, params=self._parameters(k, allowed))[1])
            chosen = None if allowed is None else allowed.everywhere
            return np.asarray(self._codes.search(unit, wide, params=chosen)[1])


class _OneThread:
    """Keeps faiss to this one thread, for a few queries.

    A second thread gains nothing then, and beside another busy process the two wait for each other: a search of 10,000
    vectors took 16 ms with two threads and 0.6 ms with one.
    """

    def __enter__(self) -> None:
        self._before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        faiss.omp_set_num_threads(self._before)


def _remove(index: Any, gone: Positions) -> None:
    """Removes what is at these positions (ascending). In lists, what is left is given its new position by hand."""
    if isinstance(index, faiss.IndexFlatIP):
        index.remove_ids(faiss.IDSelectorBatch(gone))
        return
    lists = faiss.extract_index_ivf(index)
    kind = lists.direct_map.type
    lists.set_direct_map_type(faiss.DirectMap.NoMap)  # made anew below: it would know the old positions
    index.remove_ids(faiss.IDSelectorBatch(gone))
    for number in range(lists.nlist):
        if size := lists.invlists.list_size(number):
            positions = faiss.rev_swig_ptr(lists.invlists.get_ids(number), size)
            positions -= np.searchsorted(gone, positions)
    lists.set_direct_map_type(kind)


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _coded(unit: Vectors) -> Any:
    """Codes of unit vectors: for each value one of four levels, which lie about the mean of the values at its place.

    The vectors are turned at random first, so that no few of their values decide. faiss codes the values in pairs.
    There is one list, which all are in: an inverted file only because that can remove, and search among some.
    """
    dimensions = unit.shape[1]
    turn = faiss.RandomRotationMatrix(dimensions, dimensions)
    turn.init(SEED)
    turned = turn.apply(unit[:: -(-len(unit) // SAMPLED)])
    levels = turned.mean(axis=0)[:, None] + turned.std(axis=0)[:, None] * np.array(LEVELS, np.float32)
    pairs = [list(product(*both)) for both in levels.reshape(-1, 2, len(LEVELS)).tolist()]
    lists = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dimensions), dimensions, 1, dimensions // 2, 4, faiss.METRIC_INNER_PRODUCT
    )
    lists.by_residual = False
    lists.quantizer.add(np.zeros((1, dimensions), np.float32))
    faiss.copy_array_to_vector(np.array(pairs, np.float32).ravel(), lists.pq.centroids)
    lists.is_trained = True
    codes = faiss.IndexPreTransform(turn, lists)
    codes.add(unit)
    return codes


def _trained_ivf(unit: Vectors) -> Any:
    """An inverted file trained on a sample of these vectors, the same for the same input, and filled with them."""
    lists = max(1, int(LISTS_PER_ROOT * len(unit) ** 0.5))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(unit.shape[1]),
        unit.shape[1],
        lists,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.seed, index.cp.niter, index.cp.spherical = SEED, ITERATIONS, True
    index.cp.min_points_per_centroid = 1  # few vectors a list is a choice here, not a mistake to warn of
    size = min(len(unit), SAMPLES_PER_LIST * lists)
    index.train(unit[np.random.default_rng(SEED).choice(len(unit), size, replace=False)])
    index.set_direct_map_type(faiss.DirectMap.Hashtable)  # so that `vectors` need not search for a position
    index.add_with_ids(unit, np.arange(len(unit)))
    index.nprobe = _probes(index, unit)
    return index


def _probes(index: Any, unit: Vectors) -> int:
    """The fewest lists, by doubling, that find nearly all of what every list gives for hard questions.

    A short question ("laptop") lies between many clusters, so the trials are means of four vectors. With questions
    that are vectors of the index themselves, 8 of 1,264 lists seemed enough, and found 0.85 for 60 real ones over a
    catalogue of 100,000; this rule took 128, which found 0.97.
    """
    random = np.random.default_rng(SEED)
    asked = _normalised(unit[random.integers(len(unit), size=(TRIALS, 4))].mean(axis=1))
    k = min(10, len(unit))
    _, truth = index.search(asked, k, params=faiss.SearchParametersIVF(nprobe=index.nlist))
    probes = 8
    while probes < index.nlist:
        _, found = index.search(asked, k, params=faiss.SearchParametersIVF(nprobe=probes))
        if np.mean([np.isin(*pair).mean() for pair in zip(truth, found, strict=True)]) >= RECALL:
            return probes
        probes *= 2
    return int(index.nlist)
