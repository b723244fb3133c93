"""Valleys of density between the cells of k-means, and what they leave separated."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from zscope.measures.kmeans import Cells, affinities, inertias, lloyd
from zscope.measures.pca import principal_axes
from zscope.measures.threads import Each, threads
from zscope.typing import CodeArray

HALF = 5_000
"""At most so many codes that centres are fitted to, and as many others on which valleys are looked for."""

COMPONENTS = 64
"""Leading components in which clusters are looked for."""

MOST_CELLS, FEWEST_CELLS = 64, 2
"""Cells at the start, and at the end."""

POINTS_PER_CELL = 20
"""Codes for each of the cells at the start, where there are few."""

VALLEY, VALLEY_OF_FEW, FEW = 0.6, 0.5, 5
"""Density half-way between two centres, over that at the lower of them, from which on there is no valley: the second
where there are fewer cells than five, since halves and thirds of a ring or of a rolled sheet have 0.63 and more."""

FLAT = 0.75
"""The same from which on two cells are taken for one: shallower than a valley must be that is to count."""

_SURE = 3.0
_MERGED_AT_ONCE = 0.1
_NEIGHBOURS = 5
_MIDDLE, _END = 0.15, 0.25
_LEAST_IN_END = 7
_APART = 0.7
_SLACK = 1 / 32


@dataclass(frozen=True, eq=False)
class Halves:
    """Codes in two halves, in leading components of the first.

    Attributes
    ----------
    fitted : ndarray of shape (a, r), float32
        Codes that components and centres are fitted to; their mean is the origin.
    judged : ndarray of shape (b, r), float32
        Other codes: nothing is fitted to them.
    """

    fitted: CodeArray
    judged: CodeArray


def halves(points: CodeArray) -> Halves:
    """Split points in two, and turn both into the leading components of the first half.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        In random order; the first 2 · `HALF` of them are used.

    Returns
    -------
    Halves
        In min(d, `COMPONENTS`) components.
    """
    half = min(len(points) // 2, HALF)
    fitted, judged = points[:half], points[half : 2 * half]
    count = min(points.shape[1], COMPONENTS)
    with threads():
        axes = principal_axes(fitted)
        return Halves(axes.project(fitted, count), axes.project(judged, count))


@dataclass(frozen=True, eq=False)
class Valleys:
    """How deep the density sinks between neighbouring cells.

    Attributes
    ----------
    pairs : ndarray of shape (p, 2), int64
        Neighbouring cells.
    middles, ends : ndarray of shape (p,)
        Points half-way between the two centres, and about that centre which has fewer of them; per unit of length, the
        distance of the centres being 1.
    sizes : ndarray of shape (k,), int64
        Points of each cell.
    """

    pairs: NDArray[np.int64]
    middles: NDArray[np.float64]
    ends: NDArray[np.float64]
    sizes: NDArray[np.int64]

    @property
    def ratios(self) -> NDArray[np.float64]:
        """Density half-way over that at the lower centre; infinite where that has too few points to say."""
        enough = self.ends >= _LEAST_IN_END / (2 * _END)
        return np.where(enough, self.middles / np.where(enough, self.ends, 1.0), np.inf)

    def groups(self, valley: float) -> NDArray[np.int64]:
        """Link neighbouring cells without a valley between them: what is linked is one group.

        A group must be surely apart: the points half-way to all the cells around it, added up, must be fewer by three
        standard errors than `FLAT` times those at the ends. Otherwise it is linked to them. Counts have the variance of
        a Poisson distribution.

        Parameters
        ----------
        valley : float
            Ratio from which on there is none.

        Returns
        -------
        ndarray of shape (k,), int64
            Group of each cell, 0, 1, …
        """
        first, second = self.pairs.T
        linked = self.ratios >= valley
        missing = FLAT * self.ends - self.middles
        variance = self.middles / (2 * _MIDDLE) + FLAT**2 * self.ends / (2 * _END)
        while True:
            groups = _connected(len(self.sizes), self.pairs[linked])
            border = groups[first] != groups[second]
            lacking, spread = (
                np.bincount(groups[first[border]], one[border], groups.max() + 1)
                + np.bincount(groups[second[border]], one[border], groups.max() + 1)
                for one in (missing, variance)
            )
            unsure = lacking < _SURE * np.sqrt(spread)
            more = border & (unsure[groups[first]] | unsure[groups[second]])
            if not more.any():
                return groups
            linked = linked | more

    def shares(self, valley: float) -> NDArray[np.float64]:
        """Share of the points in each group, falling.

        Parameters
        ----------
        valley : float
            As for `groups`.

        Returns
        -------
        ndarray of shape (number of groups,)
            Their sum is 1.
        """
        shares = np.bincount(self.groups(valley), weights=self.sizes) / self.sizes.sum()
        return np.asarray(np.sort(shares)[::-1])


def _connected(k: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    links = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(k, k))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def valleys(points: CodeArray, centres: CodeArray) -> Valleys:
    """Look for valleys of density between neighbouring cells.

    For centres a and b, points are projected on the line from one to the other. Only those count that lie in a convex
    region about the line: for every other centre c that is not much nearer to a or b than these are to each other, it
    is bounded by the plane (z·a − |a|²/2 + z·b − |b|²/2) / 2 + |a − b|²/32 = z·c − |c|²/2, a little nearer to the line
    than to c. A log-concave density, such as that of a Gaussian, of a uniform cloud in a convex body, or of independent
    gamma axes of shape 1 or more, linearly transformed in any way, stays log-concave when it is cut by planes and
    projected (Prékopa 1973): nowhere between two places is it below the smaller of its values there. So without
    clusters ratios are 1 or more, up to chance. For two unit Gaussians 4 apart it is 0.37.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Best such that no centre was fitted to: between fitted centres points seem a little more separated.
    centres : ndarray of shape (k, d), float32
        At least 2.

    Returns
    -------
    Valleys
        Pairs are each cell and the five that share most points with it, points whose two nearest centres they are.
    """
    by_point = affinities(points, centres)
    nearest = by_point.argmax(axis=1)
    scores = np.ascontiguousarray(by_point.T)
    squares = np.einsum("ij,ij->i", centres, centres, dtype=np.float64)
    distances = squares[:, None] + squares - 2 * centres.astype(np.float64) @ centres.T
    pairs = _neighbours(scores, nearest)
    middles, ends = np.empty((2, len(pairs)))
    for place, (a, b) in enumerate(pairs):
        apart = max(float(distances[a, b]), float(np.finfo(np.float32).tiny))
        # A centre near a or b cuts the same cluster in two: a plane towards it would cut off the place itself.
        bounds = (distances[a] >= _APART * apart) & (distances[b] >= _APART * apart)
        bounds[[a, b]] = False
        off_middle = (scores[b] - scores[a]) / apart
        if bounds.any():
            own = (scores[a] + scores[b]) / 2 + apart * _SLACK
            off_middle = off_middle[own >= scores[bounds].max(axis=0)]
        middles[place] = _density(off_middle, 0.0, _MIDDLE)
        ends[place] = min(_density(off_middle, -0.5, _END), _density(off_middle, 0.5, _END))
    return Valleys(pairs, middles, ends, np.bincount(nearest, minlength=len(centres)))


def _neighbours(scores: CodeArray, nearest: NDArray[np.int64]) -> NDArray[np.int64]:
    k, n = scores.shape
    others = scores.copy()
    others[nearest, np.arange(n)] = -np.inf
    shared = np.bincount(nearest * k + others.argmax(axis=0), minlength=k * k).reshape(k, k)
    shared = shared + shared.T
    closest = np.argsort(-shared, axis=1, kind="stable")[:, :_NEIGHBOURS]
    wanted = np.zeros((k, k), dtype=bool)
    np.put_along_axis(wanted, closest, np.take_along_axis(shared, closest, axis=1) > 0, axis=1)
    return np.argwhere(np.triu(wanted | wanted.T, 1))


def _density(places: NDArray[np.floating[Any]], about: float, within: float) -> float:
    return np.count_nonzero(np.abs(places - about) < within) / (2 * within)


def partitions(split: Halves, turn: int = 0, each: Each = map) -> Iterator[tuple[CodeArray, Valleys]]:
    """Merge cells of k-means that have no valley between them, step by step.

    At first there are 64 cells, or one for 20 codes. A tenth of them are merged at once, pairs with too few points to
    say before those between which the density is highest; two of Lloyd's iterations follow, and so on until two cells
    are left or none are to be merged. Centres are fitted to one half of the codes; between which cells there is a
    valley, the other half tells.

    Parameters
    ----------
    split : Halves
        The codes.
    turn : int
        Centres start at the first of the fitted codes, which are in random order, or, at turn 1, at the next.
    each : callable
        From `zscope.measures.threads.threads`.

    Yields
    ------
    centres : ndarray of shape (k, r), float32
        Falling in number.
    found : Valleys
        Of the judged codes.
    """
    start = max(min(MOST_CELLS, len(split.fitted) // POINTS_PER_CELL), FEWEST_CELLS)
    rows = np.arange(turn * start, (turn + 1) * start) % len(split.fitted)
    cells = lloyd(split.fitted, split.fitted[rows], 10, each)
    while True:
        found = valleys(split.judged, cells.centres)
        yield cells.centres, found
        centres = _flattest_merged(cells, found, min(max(1, int(_MERGED_AT_ONCE * cells.k)), cells.k - FEWEST_CELLS))
        if len(centres) == cells.k:
            return
        cells = lloyd(split.fitted, centres, 2, each)


def _flattest_merged(cells: Cells, found: Valleys, most: int) -> CodeArray:
    """Merge up to `most` pairs, each cell once: by distance those with too few points to say, then the flattest."""
    centres, sizes = cells.centres.astype(np.float64), np.maximum(cells.sizes, 1)
    apart = np.linalg.norm(centres[found.pairs[:, 0]] - centres[found.pairs[:, 1]], axis=1)
    ratios = found.ratios
    order = np.lexsort((np.where(np.isfinite(ratios), -ratios, apart), np.isfinite(ratios)))
    taken = np.zeros(cells.k, dtype=bool)
    gone: list[int] = []
    for a, b in found.pairs[order[ratios[order] >= FLAT]]:
        if len(gone) == most:
            break
        if taken[a] or taken[b]:
            continue
        taken[[a, b]] = True
        centres[a] = (sizes[a] * centres[a] + sizes[b] * centres[b]) / (sizes[a] + sizes[b])
        gone.append(int(b))
    return np.delete(centres, gone, axis=0).astype(np.float32)


@dataclass(frozen=True)
class Separation:
    """How far codes fall apart into groups.

    Attributes
    ----------
    share : float
        Share of the judged codes outside the largest group, at the step where it is largest.
    cells : tuple of int
        Numbers of cells at each step.
    shares : tuple of float
        The share at each step.
    inertia : float
        Mean squared distance of the judged codes to the nearest centre at the first step, in squared latent units.
    """

    share: float
    cells: tuple[int, ...]
    shares: tuple[float, ...]
    inertia: float


def separation(split: Halves) -> Separation:
    """See what share of the codes is separated by valleys from the largest group, at any step of `partitions`.

    Parameters
    ----------
    split : Halves
        The codes.

    Returns
    -------
    Separation
        Cells are linked from the ratio `VALLEY` on, fewer than `FEW` of them from `VALLEY_OF_FEW` on.
    """
    with threads() as each:
        steps = list(partitions(split, each=each))
    shares = tuple(
        1 - float(found.shares(VALLEY if len(centres) >= FEW else VALLEY_OF_FEW)[0]) for centres, found in steps
    )
    return Separation(
        max(shares),
        tuple(len(centres) for centres, _ in steps),
        shares,
        float(inertias(split.judged, [steps[0][0]])[0]),
    )
