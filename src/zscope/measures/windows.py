"""Points in a square window of a plane: gaps, clumps and chains, against a smooth density with no structure at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Delaunay

from zscope.errors import ParameterError
from zscope.measures.base import chosen_rows

LEAST_POINTS = 30
"""Below this many distinct points a window has no statistics."""

POINTS_PER_CELL = 1.5
"""Points in a cell of the grid on which cells are counted: a little more where the grid is rounded down."""

_FIT_CELLS = 32
_FIT_STEPS, _FIT_TOLERANCE, _RIDGE = 60, 1e-9, 1e-9

STATISTICS = ("empty", "variance_ratio", "clark_evans", "two_neighbours")
"""What `patterns` takes of a window, in order."""


@dataclass(frozen=True)
class WindowTest:
    """One figure of a window, against the same of simulated windows.

    Attributes
    ----------
    value : float
        The window's own.
    null_mean, null_sd : float
        Mean and standard deviation (divisor draws − 1) over the simulated windows.
    p : float
        Two-sided, from distances to the mean of all draws + 1 figures: (1 + number of draws at least as far from it)
        / (draws + 1).
    """

    value: float
    null_mean: float
    null_sd: float
    p: float


@dataclass(frozen=True)
class WindowTests:
    """All figures of a window.

    Attributes
    ----------
    n : int
        Distinct points that were used.
    draws : int
        Simulated windows.
    cells : int
        Cells in which points were counted.
    statistics : dict of str to WindowTest
        By the names in `STATISTICS`.
    """

    n: int
    draws: int
    cells: int
    statistics: dict[str, WindowTest]


def grid_side(n: int) -> int:
    """Cells along a side of the counting grid: ⌊√(n / 1.5)⌋, at least 2.

    Examples
    --------
    >>> grid_side(30), grid_side(2000)
    (4, 36)
    """
    return max(2, int(np.sqrt(n / POINTS_PER_CELL)))


def cell_counts(points: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    """Count points in the cells of a square grid over [−1, 1]².

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Within the square; its border belongs to it.
    side : int
        Cells along a side.

    Returns
    -------
    ndarray of shape (side²,)
        Their sum is n.
    """
    slots = np.clip(((points + 1) / 2 * side).astype(np.int64), 0, side - 1)
    return np.bincount(slots[:, 0] * side + slots[:, 1], minlength=side * side)


def clark_evans(nearest: NDArray[np.float64], area: float, perimeter: float) -> float:
    """Mean distance to the nearest neighbour over what it is for a uniform Poisson pattern (Clark & Evans 1954).

    The expectation has Donnelly's (1978) correction for the window's edge, 0.5 √(A/n) + (0.0514 + 0.041/√n) P/n.

    Parameters
    ----------
    nearest : ndarray of shape (n,)
        Distance from each point to the nearest other one in the window.
    area, perimeter : float
        A and P of the window, in the same units.

    Returns
    -------
    float
        1 for a uniform pattern, below for clumps, above for points that keep apart.
    """
    n = len(nearest)
    expected = 0.5 * np.sqrt(area / n) + (0.0514 + 0.041 / np.sqrt(n)) * perimeter / n
    return float(nearest.mean() / expected)


def spanning_tree(points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Minimal spanning tree of points in a plane, sought among the edges of their Delaunay triangulation.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Distinct, not all on a line; n at least 3.

    Returns
    -------
    starts, ends : ndarray of shape (n − 1,)
        Rows at both ends of each edge.
    nearest : ndarray of shape (n,)
        Distance from each point to its nearest neighbour, which the triangulation holds too.
    """
    corners = Delaunay(points).simplices.astype(np.int64)
    n = len(points)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    edges.sort(axis=1)
    keys = np.unique(edges[:, 0] * n + edges[:, 1])
    starts, ends = keys // n, keys % n
    lengths = np.hypot(*(points[starts] - points[ends]).T)
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, starts, lengths)
    np.minimum.at(nearest, ends, lengths)
    tree = minimum_spanning_tree(coo_array((lengths, (starts, ends)), shape=(n, n)).tocsr()).tocoo()
    return tree.row.astype(np.int64), tree.col.astype(np.int64), nearest


def patterns(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the figures that the eye takes of a window: holes, clumps, distances, chains.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Distinct points in [−1, 1]², not all on a line.

    Returns
    -------
    ndarray of shape (4,)
        Share of empty cells; variance over mean of the counts in cells (1 for a uniform Poisson pattern); Clark–Evans
        ratio; share of the nodes of the minimal spanning tree with exactly two neighbours, which is what chains are
        made of (about 0.56 for a uniform Poisson pattern).
    """
    counts = cell_counts(points, grid_side(len(points)))
    starts, ends, nearest = spanning_tree(points)
    degrees = np.bincount(np.concatenate([starts, ends]), minlength=len(points))
    return np.array(
        [
            np.mean(counts == 0),
            counts.var() / counts.mean(),
            clark_evans(nearest, area=4.0, perimeter=8.0),
            np.mean(degrees == 2),
        ]
    )


def smooth_density(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a density whose logarithm is quadratic, by the Poisson likelihood of counts on a grid of 32 × 32 cells.

    With u, v the middle of a cell the rate is exp(a + b u + c v + d u² + e v² + f u v). Given the number of points its
    likelihood is that of an exponential family with five parameters, concave, found by Newton's method.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        In [−1, 1]², wider than a cell in every direction.

    Returns
    -------
    ndarray of shape (1024,)
        Probability of each cell, in the order of `cell_counts`.
    """
    middles = (np.arange(_FIT_CELLS) + 0.5) * 2 / _FIT_CELLS - 1
    u, v = (grid.ravel() for grid in np.meshgrid(middles, middles, indexing="ij"))
    features = np.stack([u, v, u * u - 1 / 3, v * v - 1 / 3, u * v], axis=1)
    wanted = cell_counts(points, _FIT_CELLS) @ features / len(points)
    parameters = np.zeros(features.shape[1])
    density, height = _family(features, parameters, wanted)
    for _ in range(_FIT_STEPS):
        mean = density @ features
        curvature = (features * density[:, None]).T @ features - np.outer(mean, mean)
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(mean)), wanted - mean)
        while True:
            tried, reached = _family(features, parameters + step, wanted)
            if reached >= height or np.abs(step).max() < _FIT_TOLERANCE:
                break
            step /= 2
        gained = reached - height
        parameters, density, height = parameters + step, tried, reached
        if gained < _FIT_TOLERANCE:
            break
    return density


def _family(
    features: NDArray[np.float64], parameters: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Probabilities of the cells, and the log-likelihood of one point."""
    energy = features @ parameters
    top = energy.max()
    density = np.exp(energy - top)
    total = density.sum()
    return density / total, float(parameters @ wanted - top - np.log(total))


def draw_window(density: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a pattern without structure: cells by their probability, places in a cell uniform, all independent.

    Parameters
    ----------
    density : ndarray of shape (1024,)
        From `smooth_density`.
    n : int
        Points.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    ndarray of shape (n, 2)
        In [−1, 1]².
    """
    cells = rng.choice(len(density), size=n, p=density)
    corners = np.stack([cells // _FIT_CELLS, cells % _FIT_CELLS], axis=1)
    return np.asarray((corners + rng.uniform(size=(n, 2))) * (2 / _FIT_CELLS) - 1)


def window_tests(
    x: NDArray[np.floating[Any]],
    y: NDArray[np.floating[Any]],
    centre: tuple[float, float],
    half_width: float,
    rng: np.random.Generator,
    *,
    draws: int = 99,
    most: int = 2000,
) -> WindowTests | None:
    """Hold the pattern of a window against windows with the same smooth density and as many points.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
        Coordinates of all points of the plane.
    centre : tuple of float
        Middle of the window.
    half_width : float
        Half its side, in latent units.
    rng : numpy.random.Generator
        The only source of chance.
    draws : int
        Simulated windows, at least 1.
    most : int
        With more distinct points than this in the window, so many are chosen at random.

    Returns
    -------
    WindowTests or None
        None where the window holds fewer than 30 distinct points, or where they lie on a line: their standard deviation
        in some direction is below a cell of the fit, 1/32 of the window's side.

    Raises
    ------
    ParameterError
        If `draws` is below 1.
    """
    if draws < 1:
        raise ParameterError("draws", "be at least 1", draws)
    points = _inside(x, y, centre, half_width)
    if len(points) < LEAST_POINTS or _narrowest(points) < 2 / _FIT_CELLS:
        return None
    points = points[chosen_rows(len(points), most, rng)]
    density = smooth_density(points)
    value = patterns(points)
    null = np.array([patterns(draw_window(density, len(points), child)) for child in rng.spawn(draws)])
    return WindowTests(
        len(points),
        draws,
        grid_side(len(points)) ** 2,
        {name: _test(float(value[at]), null[:, at]) for at, name in enumerate(STATISTICS)},
    )


def _inside(
    x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]], centre: tuple[float, float], half_width: float
) -> NDArray[np.float64]:
    """Distinct points of a window, moved to [−1, 1]²."""
    rows = (np.abs(x - centre[0]) <= half_width) & (np.abs(y - centre[1]) <= half_width)
    points = np.unique(np.stack([x[rows], y[rows]], axis=1).astype(np.float64), axis=0)
    return np.asarray(np.clip((points - centre) / half_width, -1, 1))


def _narrowest(points: NDArray[np.float64]) -> float:
    """Give the standard deviation of points in the direction in which they vary least."""
    return float(np.sqrt(max(np.linalg.eigvalsh(np.cov(points.T, ddof=0))[0], 0.0)))


def _test(value: float, null: NDArray[np.float64]) -> WindowTest:
    middle = (value + null.sum()) / (len(null) + 1)
    # A hair of slack: equal figures must count as equally far, whichever side they are on.
    far = np.abs(null - middle) >= abs(value - middle) * (1 - 1e-12)
    return WindowTest(
        value,
        float(null.mean()),
        float(null.std(ddof=1)) if len(null) > 1 else 0.0,
        float((1 + np.count_nonzero(far)) / (len(null) + 1)),
    )
