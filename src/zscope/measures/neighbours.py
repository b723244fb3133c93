"""Exact nearest neighbours of codes: whose distances are right, not only whose names.

In up to 5 dimensions a tree finds them, else blocks of one matrix product (`zscope.measures.neighbour_search`). Such
products lose digits where two points are much nearer to each other than to the centre. Therefore codes are centred
first, squared distances below 3 % of |x|² + |y|² are taken again from the differences themselves in double precision,
and queries whose k-th neighbour lies below 1 % are looked up in double precision altogether. Distances are right to
1e-5 of themselves; points whose distances differ by less may change places.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zscope.errors import ParameterError
from zscope.measures.neighbour_gpu import GpuMemoryError, gpu_there, on_gpu
from zscope.measures.neighbour_search import CHUNK, Found, Search, by_blocks, look_up_again
from zscope.measures.threads import blocks, product_threads, threads
from zscope.typing import CodeArray, Progress, silent

Engine = Literal["auto", "blocks", "tree", "cuda"]

_ENGINES = ("auto", "blocks", "tree", "cuda")
_TREE_DIMENSION = 5
_WORTH_A_GPU = 5e9
"""Products of coordinates from which on a GPU is taken where there is one: two cores need some 0.1 s for as many."""

_REFINED = 0.03
"""Squared distances below this share of |x|² + |y|² are taken again: elsewhere the rounding of products, some 1e-7 of
|x|² + |y|², stays below 1e-5 of them."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest points of m queries.

    Attributes
    ----------
    distances : ndarray of shape (m, k), float32
        Euclidean distances in latent units, rising along each row; infinite where there are no more points.
    indices : ndarray of shape (m, k), int32
        Rows of these points; −1 where there are no more.
    engine : str
        What found them: ``blocks``, ``tree`` or ``cuda``.
    """

    distances: NDArray[np.float32]
    indices: NDArray[np.int32]
    engine: str


def nearest_neighbours(
    points: CodeArray,
    k: int,
    *,
    queries: NDArray[np.int64] | None = None,
    groups: NDArray[np.int64] | None = None,
    engine: Engine = "auto",
    progress: Progress = silent,
) -> Neighbours:
    """Find the k nearest points of every query; a query is no neighbour of its own, by its row and not by distance 0.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Codes, finite.
    k : int
        How many, from 1 to n − 1.
    queries : ndarray of shape (m,), optional
        Rows whose neighbours are looked for; by default all.
    groups : ndarray of shape (n,), optional
        Group of each point: all points of the query's own group are left out. Where fewer than k others are left, the
        rest of the row is infinite, with index −1.
    engine : {"auto", "blocks", "tree", "cuda"}
        ``auto`` takes the tree in up to 5 dimensions, else, for large searches where there is a GPU, ``cuda``, else
        blocks. ``cuda`` needs PyTorch and a GPU. The tree knows no groups.
    progress : Progress
        Told after each block of queries.

    Returns
    -------
    Neighbours
        Exact; see the top of this file for the rounding.

    Raises
    ------
    ParameterError
        If `k` is out of its bounds, the engine is none of these or cannot do what is asked.
    GpuMemoryError
        If a GPU that was asked for has too little memory. With ``auto`` that is a warning, and blocks do the work.
    """
    n, d = points.shape
    if not 1 <= k < n:
        raise ParameterError("k", f"be at least 1 and at most {n - 1}, the number of other points", k)
    if engine not in _ENGINES:
        raise ParameterError("engine", f"be one of {', '.join(_ENGINES)}", engine)
    if engine == "tree" and groups is not None:
        raise ParameterError("engine", "be blocks or cuda where groups are left out", engine)
    rows = None if queries is None else np.asarray(queries, dtype=np.int64)
    if engine == "tree" or (engine == "auto" and groups is None and d <= _TREE_DIMENSION):
        return _by_tree(points, k, np.arange(n) if rows is None else rows)
    search = Search.among(points, k, rows, groups)
    large = float(len(search.places)) * n * d >= _WORTH_A_GPU
    gpu = engine == "cuda" or (engine == "auto" and large and gpu_there())
    try:
        raw = on_gpu(search, progress) if gpu else by_blocks(search, progress)
    except GpuMemoryError as error:
        if engine == "cuda":
            raise
        warnings.warn(f"{error}: neighbours are looked for without it", stacklevel=2)
        raw, gpu = by_blocks(search, progress), False
    distances, found = _finished(search, points, points if rows is None else points[rows], raw)
    return Neighbours(distances, found, "cuda" if gpu else "blocks")


def nearest_distances(points: CodeArray, probes: CodeArray) -> NDArray[np.float32]:
    """Distance from each probe to the nearest point.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Codes, at least one.
    probes : ndarray of shape (p, d), float32
        Any places.

    Returns
    -------
    ndarray of shape (p,), float32
        In latent units; 0 where a probe is a point.
    """
    if points.shape[1] <= _TREE_DIMENSION:
        return np.asarray(cKDTree(points).query(probes, workers=product_threads())[0], dtype=np.float32)
    search = Search.of_probes(points, probes)
    return _finished(search, points, probes, by_blocks(search, silent))[0][:, 0]


def _by_tree(points: CodeArray, k: int, rows: NDArray[np.int64]) -> Neighbours:
    distances: NDArray[np.float64]
    indices: NDArray[np.int64]
    distances, indices = cKDTree(points).query(points[rows], k + 1, workers=product_threads())  # type: ignore[assignment]
    own = indices == rows[:, None]
    # Among more than k points at distance 0 the query itself may be missing: then one of them is left out.
    own[~own.any(axis=1), -1] = True
    shape = (len(rows), k)
    return Neighbours(
        distances[~own].reshape(shape).astype(np.float32), indices[~own].reshape(shape).astype(np.int32), "tree"
    )


def _finished(
    search: Search, points: CodeArray, queries: CodeArray, found: Found
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Look up again what must be, take small distances from differences, and put each row in rising order."""
    look_up_again(search, points, queries, found)
    m, k = found.places.shape
    distances, indices = np.empty((m, k), np.float32), np.empty((m, k), np.int32)

    def finish(block: slice) -> None:
        rows, places, products = search.targets[block], found.places[block], found.products[block]
        theirs = search.order[places]
        squares = np.maximum(-2.0 * products.astype(np.float64), 0)
        norms = -2 * (search.places[block, -1:] + search.left[places, -1])
        at, rank = np.nonzero((squares <= _REFINED * norms) & np.isfinite(squares))
        for start in range(0, len(at), CHUNK):
            pair = at[start : start + CHUNK], rank[start : start + CHUNK]
            apart = (queries[rows[pair[0]]].astype(np.float64) - points[theirs[pair]]) / search.scale
            squares[pair] = np.einsum("ij,ij->i", apart, apart)
        rising = np.argsort(squares, axis=1, kind="stable")
        squares = np.take_along_axis(squares, rising, axis=1)
        distances[rows] = search.scale * np.sqrt(squares)
        indices[rows] = np.where(np.isinf(squares), -1, np.take_along_axis(theirs, rising, axis=1))

    with threads() as each:
        for _ in each(finish, blocks(m)):
            pass
    return distances, indices
