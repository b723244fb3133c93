"""The search behind `zscope.measures.neighbours`: which points are nearest, by blocks of one matrix product.

The product of rows (x, 1, −½|x|²) and (y, −½|y|², 1) is −½|x − y|²: one product of matrices gives all squared distances
of a block, and where every point is a query each block serves both of its sides. Which pairs of a block may be
neighbours is told by a bound for every query, taken beforehand from a random choice of the points, so that only few of
them are ever sorted. A query whose bound proves too tight, or whose neighbours are too near for products in single
precision to rank them, is looked up again in double precision among all points.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zscope.measures.threads import BLOCK, blocks, threads
from zscope.typing import CodeArray, Progress

CHUNK = 16_384
"""Rows or pairs that are worked on at a time where every one takes as much memory as a code."""

_FEW = 2048
_DIRECT_CELLS = 4_000_000

_CANCELLED = 0.01
"""Products cannot rank neighbours whose squared distance is below this share of |x|² + |y|²: their rounding, some 1e-7
of |x|² + |y|², would exceed 1e-5 of it."""


@dataclass(frozen=True, eq=False)
class Search:
    """What is looked for among what, laid out for products.

    Points are in random order, so that any block of them is a random choice of all.

    Attributes
    ----------
    left : ndarray of shape (n, d + 2)
        Rows (x, 1, −½|x|²) of the points, centred and scaled.
    places : ndarray of shape (m, d + 2)
        The same of the queries; `left` itself where every point is a query, and then in the same order.
    own : ndarray of shape (m,), or None
        Each query's place in `left`; None for probes, which are no points.
    groups, place_groups : ndarray of shape (n,) and (m,), or None
        Groups of points and of queries.
    order : ndarray of shape (n,)
        Rows of the points in `left`, as the caller counts them.
    k : int
        How many neighbours.
    centre : ndarray of shape (d,)
        Taken from all codes before products.
    scale : float
        Length of one scaled unit, a power of two.
    """

    left: NDArray[np.float32]
    places: NDArray[np.float32]
    own: NDArray[np.int64] | None
    groups: NDArray[np.int64] | None
    place_groups: NDArray[np.int64] | None
    order: NDArray[np.int64]
    k: int
    centre: NDArray[np.float32]
    scale: float

    @classmethod
    def among(
        cls, points: CodeArray, k: int, rows: NDArray[np.int64] | None, groups: NDArray[np.int64] | None
    ) -> "Search":
        """Look for the k nearest points of some points, or of all.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            Codes.
        k : int
            How many.
        rows : ndarray of shape (m,), or None
            The queries; None for all.
        groups : ndarray of shape (n,), or None
            Points of a query's own group are left out.

        Returns
        -------
        Search
            Ready for `by_blocks` or `zscope.measures.neighbour_gpu.on_gpu`.
        """
        search = cls.of_probes(points, points[:0])
        place = np.empty(len(points), np.int64)
        place[search.order] = np.arange(len(points))
        own = np.arange(len(points)) if rows is None else place[rows]
        reordered = None if groups is None else np.asarray(groups)[search.order]
        return replace(
            search,
            places=search.left if rows is None else search.left[own],
            own=own,
            groups=reordered,
            place_groups=None if reordered is None else reordered[own],
            k=k,
        )

    @classmethod
    def of_probes(cls, points: CodeArray, probes: CodeArray) -> "Search":
        """Look for the nearest point of any places.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            Codes.
        probes : ndarray of shape (m, d)
            Places that are no points.

        Returns
        -------
        Search
            With k = 1.
        """
        # The order decides how long the search takes, never what it finds: no need to hand a generator in.
        order = np.random.default_rng(0).permutation(len(points))
        # The median, since a few outliers would move the mean far off the bulk.
        centre = np.median(points[order[:4096]], axis=0).astype(np.float32)
        largest = max(float(np.abs(table - centre).max(initial=0)) for table in (points, probes))
        scale = float(2.0 ** np.ceil(np.log2(largest))) if largest > 0 else 1.0
        left = _laid_out(points, order, centre, scale)
        places = _laid_out(probes, np.arange(len(probes)), centre, scale)
        return cls(left, places, None, None, None, order, 1, centre, scale)

    @property
    def mutual(self) -> bool:
        """Whether every point is a query."""
        return self.places is self.left

    @property
    def targets(self) -> NDArray[np.int64]:
        """Rows of the queries in `places`, as the caller counts them."""
        return self.order if self.mutual else np.arange(len(self.places))

    def without(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which pairs are left out: a query with itself, or with its own group.

        Parameters
        ----------
        rows, columns : ndarray
            Queries and places of points, of shapes that can be broadcast.

        Returns
        -------
        ndarray of bool
            Of the common shape.
        """
        if self.own is None:
            return np.zeros(np.broadcast_shapes(rows.shape, columns.shape), bool)
        gone = self.own[rows] == columns
        if self.groups is not None and self.place_groups is not None:
            gone |= self.place_groups[rows] == self.groups[columns]
        return np.asarray(gone)

    def products(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Multiply a block of queries with a block of points.

        Parameters
        ----------
        rows, columns : slice
            Queries, and places of points.

        Returns
        -------
        ndarray of shape (rows, columns), float32
            −½ squared distances in scaled units.
        """
        right = self.left[columns].copy()
        right[:, [-2, -1]] = right[:, [-1, -2]]
        return np.asarray(self.places[rows] @ right.T)


def _laid_out(
    table: CodeArray, rows: NDArray[np.int64], centre: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    n, d = table.shape
    laid = np.empty((n, d + 2), np.float32)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        codes = laid[part, :d]
        np.subtract(table[rows[part]], centre, out=codes)
        codes *= np.float32(1 / scale)
        laid[part, d + 1] = -0.5 * np.einsum("ij,ij->i", codes, codes)
    laid[:, d] = 1
    return laid


class Found(NamedTuple):
    """Neighbours of all queries, in any order along a row.

    Attributes
    ----------
    places : ndarray of shape (m, k)
        Places of the points.
    products : ndarray of shape (m, k)
        −½ squared distances in scaled units; −infinity where there are no more points.
    again : ndarray of shape (m,)
        Queries that must be looked up again.
    """

    places: NDArray[np.int32]
    products: NDArray[np.float32]
    again: NDArray[np.bool_]


class _Hits(NamedTuple):
    """Pairs that may be neighbours: query within its block, place of the point, product; all of shape (h,)."""

    query: NDArray[np.uint16]
    point: NDArray[np.int32]
    product: NDArray[np.float32]


def by_blocks(search: Search, progress: Progress) -> Found:
    """Find neighbours by blocks of products, on all cores that products would use.

    Parameters
    ----------
    search : Search
        What is looked for.
    progress : Progress
        Told after each block of queries.

    Returns
    -------
    Found
        All queries are to be looked up again where there are too few points for a bound.
    """
    n, m, k = len(search.left), len(search.places), search.k
    found = Found(np.zeros((m, k), np.int32), np.zeros((m, k), np.float32), np.ones(m, bool))
    if n <= _FEW or k > n // 8:
        return found
    chosen = min(4096, max(1024, n // 8))
    expected = k * chosen / n
    rank = int(np.ceil(expected + 3 * np.sqrt(expected) + 2))
    most = 4 * rank / chosen * BLOCK + 12
    queries, points = blocks(m), blocks(n)
    waiting: dict[int, list[_Hits]] = {block.start: [] for block in queries}
    with threads() as each:
        bounds = np.concatenate(list(each(lambda block: _bounds(search, block, chosen, rank), queries)))
        for block in queries:
            ahead = [part for part in points if not search.mutual or part.start >= block.start]
            hits = each(_HitsOf(search, bounds, most, block), ahead)
            for part, (forth, back) in zip(ahead, hits, strict=True):
                waiting[block.start].append(forth)
                if back is not None:
                    waiting[part.start].append(back)
            _choose(search, block, waiting.pop(block.start), found)
            progress("neighbours", block.stop, m)
    found.again[np.isposinf(bounds)] = True
    return found


def _bounds(search: Search, block: slice, chosen: int, rank: int) -> NDArray[np.float32]:
    """Product that each query's neighbours exceed, in all likelihood: the rank-th largest among the points chosen.

    Infinity gives a query up, where its k-th neighbour is nearer than products can tell.
    """
    products = search.products(block, slice(0, chosen))
    if search.groups is not None:
        products[search.without(np.arange(block.start, block.stop)[:, None], np.arange(chosen))] = -np.inf
    elif search.own is not None:
        inside = np.flatnonzero(search.own[block] < chosen)
        products[inside, search.own[block][inside]] = -np.inf
    products.partition(chosen - rank, axis=1)
    bounds = products[:, chosen - rank].copy()
    bounds[bounds >= _CANCELLED * 2 * search.places[block, -1]] = np.inf
    return bounds


@dataclass(frozen=True, eq=False)
class _HitsOf:
    """Finds the pairs of a block of queries with any block of points that are beyond the bounds of the queries.

    Where the points are queries too and come later, also the pairs that are beyond theirs.
    """

    search: Search
    bounds: NDArray[np.float32]
    most: float
    block: slice

    def __call__(self, part: slice) -> tuple[_Hits, _Hits | None]:
        block, bounds = self.block, self.bounds
        products = self.search.products(block, part)
        both = self.search.mutual and part.start > block.start
        beyond = products > bounds[block, None]
        if both:
            beyond |= products > bounds[None, part]
        pairs = np.flatnonzero(beyond)
        row, column = (side.astype(np.int32) for side in np.divmod(pairs, products.shape[1]))
        product = products.reshape(-1)[pairs]
        kept = ~self.search.without(row + block.start, column + part.start)
        row, column, product = row[kept], column[kept], product[kept]
        forth = product > bounds[block][row]
        ours = self._few(block, row[forth], column[forth] + np.int32(part.start), product[forth])
        if not both:
            return ours, None
        back = product > bounds[part][column]
        return ours, self._few(part, column[back], row[back] + np.int32(block.start), product[back])

    def _few(
        self, block: slice, query: NDArray[np.int32], point: NDArray[np.int32], product: NDArray[np.float32]
    ) -> _Hits:
        """Give up queries with too many hits in a single block of points.

        Blocks are random choices of the points, so that this happens only where a great many are equally far; their
        hits would fill the memory.
        """
        counts = np.bincount(query, minlength=block.stop - block.start)
        if counts.max() > self.most:
            self.bounds[block][counts > self.most] = np.inf
            few = counts[query] <= self.most
            query, point, product = query[few], point[few], product[few]
        return _Hits(query.astype(np.uint16), point, product)


def _choose(search: Search, block: slice, hits: list[_Hits], found: Found) -> None:
    """Write the k best hits of each of a block's queries into `found`, and which queries have too few."""
    query, point, product = (np.concatenate(column) for column in zip(*hits, strict=True))
    order = np.argsort(query, kind="stable")
    counts = np.bincount(query, minlength=block.stop - block.start)
    width = max(search.k, int(counts.max()))
    query = query[order].astype(np.int64)
    slots = query * width + np.arange(len(query)) - (np.cumsum(counts) - counts)[query]
    products = np.full((len(counts), width), -np.inf, np.float32)
    points = np.zeros((len(counts), width), np.int32)
    products.reshape(-1)[slots] = product[order]
    points.reshape(-1)[slots] = point[order]
    best = np.argpartition(products, width - search.k, axis=1)[:, width - search.k :]
    found.places[block] = np.take_along_axis(points, best, axis=1)
    found.products[block] = np.take_along_axis(products, best, axis=1)
    found.again[block] = (counts < search.k) | cancelled(search, block, found.products[block])


def cancelled(search: Search, block: slice, products: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which queries of a block have their k-th neighbour so near that products cannot rank it.

    Parameters
    ----------
    search : Search
        What is looked for.
    block : slice
        Queries.
    products : ndarray of shape (block, k)
        Their neighbours' −½ squared distances.

    Returns
    -------
    ndarray of shape (block,), bool
        By the k-th squared distance against |x|² of the query.
    """
    return np.asarray(products.min(axis=1) >= _CANCELLED * 2 * search.places[block, -1])


def look_up_again(search: Search, points: CodeArray, queries: CodeArray, found: Found) -> None:
    """Find the neighbours of the queries that need it among all points, in double precision.

    Parameters
    ----------
    search : Search
        What is looked for.
    points, queries : ndarray of shape (n, d) and (m, d)
        As the caller gave them.
    found : Found
        Written into.
    """
    again = np.flatnonzero(found.again)
    n, k = len(points), search.k
    step = max(1, _DIRECT_CELLS // n)
    centre, targets = search.centre.astype(np.float64), search.targets
    for start in range(0, len(again), step):
        rows = again[start : start + step]
        places = (queries[targets[rows]] - centre) / search.scale
        own = -0.5 * np.einsum("ij,ij->i", places, places)
        products = np.empty((len(rows), n))
        for first in range(0, n, CHUNK):
            part = slice(first, first + CHUNK)
            right = (points[search.order[part]] - centre) / search.scale
            products[:, part] = places @ right.T - 0.5 * np.einsum("ij,ij->i", right, right) + own[:, None]
        products[search.without(rows[:, None], np.arange(n))] = -np.inf
        best = np.argpartition(products, n - k, axis=1)[:, n - k :]
        found.places[rows] = best
        found.products[rows] = np.take_along_axis(products, best, axis=1)
