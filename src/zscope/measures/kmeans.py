"""k-means: centres that hold points tightly, many first and then, by merging, ever fewer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from zscope.measures.threads import Each
from zscope.typing import CodeArray

_MORE_AT_FIRST = 40
"""Centres to begin with, beyond the largest number that is wanted."""

_ROWS = 2048
"""Points that one thread takes together: enough that their products cost more than the call."""

_AT_ONCE = 2**19
"""Distances of points to centres that are held at once: they stay in the cache."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Centres, and how many points each is nearest to.

    Attributes
    ----------
    centres : ndarray of shape (k, d), float32
        In latent units.
    sizes : ndarray of shape (k,), int64
        Numbers of points; 0 for a centre that is nearest to none.
    """

    centres: CodeArray
    sizes: NDArray[np.int64]

    @property
    def k(self) -> int:
        """Number of centres."""
        return len(self.centres)


def affinities(points: CodeArray, centres: CodeArray) -> CodeArray:
    """Z · c − |c|² / 2 of every point z and centre c: largest for the nearest centre, as |z − c|² = |z|² − 2 of it.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        z, centred: a mean far from the origin would swallow digits.
    centres : ndarray of shape (k, d), float32
        c.

    Returns
    -------
    ndarray of shape (n, k), float32
        In squared latent units.
    """
    made = points @ centres.T
    made -= np.einsum("ij,ij->i", centres, centres) / 2
    return made


def lloyd(points: CodeArray, centres: CodeArray, iterations: int, each: Each = map) -> Cells:
    """Lloyd's iterations (Lloyd 1982): each centre moves to the mean of the points that it is nearest to.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Centred.
    centres : ndarray of shape (k, d)
        Where the centres start; one that is nearest to no point stays where it is.
    iterations : int
        At most so many; fewer once no point changes its centre.
    each : callable
        From `zscope.measures.threads.threads`, where the work is large.

    Returns
    -------
    Cells
        The centres, and the sizes of their cells before the last move.
    """
    places = np.asarray(centres, dtype=np.float32)
    sizes = np.zeros(len(places), dtype=np.int64)
    labels: NDArray[Any] | None = None
    for _ in range(iterations):
        found = list(each(partial(_assigned, points, places), _blocks(len(points), _ROWS)))
        now = np.concatenate([one[0] for one in found])
        if labels is not None and np.array_equal(now, labels):
            break
        labels = now
        sizes = np.bincount(now, minlength=len(places))
        sums = np.sum([one[1] for one in found], axis=0, dtype=np.float64)
        means = (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32)
        places = np.where(sizes[:, None] > 0, means, places)
    return Cells(places, sizes)


def _assigned(points: CodeArray, centres: CodeArray, rows: slice) -> tuple[NDArray[Any], CodeArray]:
    """Nearest centre of each point of these rows, and the sum of the points of each centre."""
    here = points[rows]
    labels = affinities(here, centres).argmax(axis=1)
    members = csr_array(
        (np.ones(len(here), np.float32), labels, np.arange(len(here) + 1)), shape=(len(here), len(centres))
    )
    return labels, members.T @ here


def _blocks(n: int, rows: int) -> Iterator[slice]:
    for start in range(0, n, rows):
        yield slice(start, min(start + rows, n))


def merged(cells: Cells, k: int) -> CodeArray:
    """Merge cells until `k` are left, each time the two that raise the inertia least (Ward 1963).

    Two cells of sizes a and b whose centres lie a distance D apart raise it by D² a b / (a + b) in all. Empty ones cost
    nothing and go first.

    Parameters
    ----------
    cells : Cells
        At least `k`.
    k : int
        How many centres are wanted, at least 1.

    Returns
    -------
    ndarray of shape (k, d), float32
        Means of the merged cells.
    """
    centres, sizes = cells.centres.astype(np.float64), cells.sizes.astype(np.float64)
    squares = np.einsum("ij,ij->i", centres, centres)
    distances = np.maximum(squares[:, None] + squares - 2 * centres @ centres.T, 0.0)
    while len(centres) > k:
        together = sizes[:, None] + sizes
        costs = distances * np.outer(sizes, sizes) / np.maximum(together, 1)
        np.fill_diagonal(costs, np.inf)
        first, second = np.unravel_index(int(costs.argmin()), costs.shape)
        weight = sizes[first] + sizes[second]
        if weight > 0:
            centres[first] = (sizes[first] * centres[first] + sizes[second] * centres[second]) / weight
            sizes[first] = weight
        centres, sizes = np.delete(centres, second, axis=0), np.delete(sizes, second)
        distances = np.delete(np.delete(distances, second, axis=0), second, axis=1)
        first -= int(second < first)
        moved = np.square(centres - centres[first]).sum(axis=1)
        distances[first], distances[:, first] = moved, moved
    return centres.astype(np.float32)


def centres_of(
    points: CodeArray, numbers: Sequence[int], rng: np.random.Generator, each: Each = map
) -> Iterator[CodeArray]:
    """Find centres for several numbers of them, the largest number first.

    Lloyd's iterations begin with forty centres more than the largest number, at random points. For each number the
    cells of the number before are merged, and a few iterations follow. What merging leaves is a better start than
    random points are, so that one start is enough.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Centred.
    numbers : sequence of int
        Numbers of centres, falling, none above n.
    rng : numpy.random.Generator
        Chooses the points that the centres start from.
    each : callable
        From `zscope.measures.threads.threads`, where the work is large.

    Yields
    ------
    ndarray of shape (k, d), float32
        Centres, one array a number.
    """
    start = min(numbers[0] + _MORE_AT_FIRST, len(points))
    cells = lloyd(points, points[rng.choice(len(points), start, replace=False)], 10, each)
    for k in numbers:
        cells = lloyd(points, merged(cells, k), 4, each)
        yield cells.centres


def inertias(points: CodeArray, several: Sequence[CodeArray], each: Each = map) -> NDArray[np.float64]:
    """Mean squared distance of points to the nearest centre, for several sets of centres in one pass.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Centred.
    several : sequence of ndarray of shape (k, d), float32
        Sets of centres of any sizes.
    each : callable
        From `zscope.measures.threads.threads`, where the work is large.

    Returns
    -------
    ndarray of shape (number of sets,)
        In squared latent units; right to some 10⁻⁶ of the mean square of the points.
    """
    centres = np.concatenate(several)
    first = np.cumsum([0, *(len(one) for one in several[:-1])])
    rows = max(_AT_ONCE // len(centres), 1)

    def sums(block: slice) -> NDArray[np.float64]:
        here = points[block]
        best = np.maximum.reduceat(affinities(here, centres), first, axis=1)
        lengths = np.einsum("ij,ij->i", here, here)
        return np.asarray(np.maximum(lengths[:, None] - 2 * best, 0.0).sum(axis=0, dtype=np.float64))

    return np.asarray(np.sum(list(each(sums, _blocks(len(points), rows))), axis=0) / len(points))
