"""Paths along the codes themselves: shortest paths in the graph of nearest neighbours."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from zscope.errors import ParameterError
from zscope.generation.paths import CodePath, resampled
from zscope.measures.neighbours import nearest_neighbours
from zscope.measures.words import counted
from zscope.typing import CodeArray, ImageArray

Weigh = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Rows of the two ends of n links → their n weights, none below 0."""

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class NeighbourGraph:
    """Codes linked to their nearest neighbours.

    Attributes
    ----------
    codes : ndarray of shape (N, d), float32
        The nodes.
    weights : sparse array of shape (N, N)
        Weight of every link, the same both ways: a link stands where one of the two is among the other's neighbours.
    bridges : ndarray of shape (b, 2), int64
        Links that were added because the graph fell into b + 1 parts: those of the smallest sum of latent distances.
    """

    codes: CodeArray
    weights: csr_array
    bridges: NDArray[np.int64]


def neighbour_graph(codes: CodeArray, k: int = 10, weigh: Weigh | None = None) -> NeighbourGraph:
    """Link every code to its k nearest ones, and bridge the parts that this leaves.

    Parameters
    ----------
    codes : ndarray of shape (N, d), float32
        At least two.
    k : int
        Neighbours, from 1; with N − 1 or more every code is linked to every other.
    weigh : callable, optional
        Weights of links; by default latent distances.

    Returns
    -------
    NeighbourGraph
        Connected.

    Raises
    ------
    ParameterError
        `k` is below 1.
    """
    n = len(codes)
    if k < 1:
        raise ParameterError("k", "be at least 1", k)
    found = nearest_neighbours(codes, min(k, n - 1))
    links = _ordered(np.repeat(np.arange(n), found.indices.shape[1]), found.indices.ravel().astype(np.int64))
    links, bridges = _bridged(codes, links)
    weights = (weigh or latent_distances(codes))(links[:, 0], links[:, 1])
    # A weight of exactly 0 (equal codes) would be taken for a link that is not there.
    weights = np.maximum(weights, np.finfo(np.float64).tiny)
    rows, columns = np.concatenate([links, links[:, ::-1]]).T
    return NeighbourGraph(codes, coo_array((np.tile(weights, 2), (rows, columns)), shape=(n, n)).tocsr(), bridges)


def graph_path(graph: NeighbourGraph, start: int, end: int, steps: int) -> CodePath:
    """Shortest path between two nodes (Dijkstra 1959), with frames at equal latent distances along it.

    Parameters
    ----------
    graph : NeighbourGraph
        The graph.
    start, end : int
        Rows of its codes.
    steps : int
        Frames, at least 2; they lie on the links, not only at codes.

    Returns
    -------
    CodePath
        Its curve goes from code to code; a note says how many it passes, and over how many bridges.
    """
    _, before = dijkstra(graph.weights, indices=np.array(start), return_predecessors=True)
    rows = [end]
    while rows[-1] != start:
        rows.append(int(before[rows[-1]]))
    rows = rows[::-1] if start != end else [start, end]
    taken = {tuple(sorted(link)) for link in pairwise(rows)}
    crossed = sum(tuple(link) in taken for link in graph.bridges.tolist())
    notes = [f"The path passes {counted(len(rows) - 2, 'code')} between its ends."]
    if len(graph.bridges):
        notes.append(
            f"The neighbour graph falls into {len(graph.bridges) + 1} parts, which were bridged by their shortest "
            f"links; the path goes over {counted(crossed, 'bridge')}."
        )
    curve = graph.codes[rows].astype(np.float64)
    return CodePath("graph", curve, resampled(curve, steps), tuple(notes))


def latent_distances(codes: CodeArray) -> Weigh:
    """Weigh links by the Euclidean distance of their codes, in latent units."""

    def weigh(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        return _distances(codes, left, right)

    return weigh


def decoded_distances(decode_all: Callable[[CodeArray], ImageArray], codes: CodeArray) -> Weigh:
    """Weigh links by the Euclidean distance of the decoded images, in pixel units (values from 0 to 1).

    Every code is decoded once, and the images are held as uint8: N · H · W · C bytes.
    """
    images = decode_all(codes).reshape(len(codes), -1)

    def weigh(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        return _distances(images, left, right) / 255

    return weigh


def _distances(points: NDArray[Any], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    distances = np.empty(len(left))
    for start in range(0, len(left), _CHUNK):
        rows = slice(start, start + _CHUNK)
        apart = points[left[rows]].astype(np.float32) - points[right[rows]]
        distances[rows] = np.linalg.norm(apart, axis=1)
    return distances


def _ordered(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each link once, its lower row first."""
    return np.unique(np.sort(np.column_stack([left, right]), axis=1), axis=0)


def _bridged(codes: CodeArray, links: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Join parts by their shortest outgoing links until there is one (Borůvka 1926): the smallest spanning bridges."""
    n = len(codes)
    bridges = np.empty((0, 2), np.int64)
    while True:
        every = np.concatenate([links, bridges])
        count, part = connected_components(coo_array((np.ones(len(every)), every.T), shape=(n, n)), directed=False)
        if count == 1:
            return every, bridges
        parts = part.astype(np.int64)
        # The largest part is joined by the others: its own rows need no search, and they are nearly all.
        outside = np.flatnonzero(parts != np.bincount(parts).argmax()).astype(np.int64)
        nearest = nearest_neighbours(codes, 1, queries=outside, groups=parts)
        order = np.lexsort((nearest.distances[:, 0], parts[outside]))
        _, first = np.unique(parts[outside][order], return_index=True)
        chosen = order[first]
        added = _ordered(outside[chosen], nearest.indices[chosen, 0].astype(np.int64))
        bridges = np.concatenate([bridges, added])
