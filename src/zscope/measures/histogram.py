"""Histograms on a stated interval, and the peak of one."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

_WIDEST_KERNEL = 4.0


def scaled_interval(interval: float, extent: float, *, fewest: float, most: float, largest: float = 0.0) -> float:
    """Scale an interval by a power of ten if it does not cut an extent into a sensible number of pieces.

    Parameters
    ----------
    interval : float
        The interval wanted; it is kept wherever it fits.
    extent : float
        The range to be cut, in the same units; 0 keeps the interval.
    fewest, most : float
        Bounds on extent / interval, above 0, the second at least ten times the first. Where they are not kept, the
        power of ten is taken that comes nearest to the middle between them (on a logarithmic scale).
    largest : float
        Largest number by size that will be counted: the interval is never below 1e-12 of it, where rounding begins.

    Returns
    -------
    float
        interval · 10^k.

    Examples
    --------
    >>> scaled_interval(0.5, 30, fewest=4, most=200), scaled_interval(0.5, 3000, fewest=4, most=200)
    (0.5, 50.0)
    """
    power = 0
    if extent > 0 and not fewest <= extent / interval <= most:
        power = round(math.log10(extent / interval / math.sqrt(fewest * most)))
    if largest > 0:
        power = max(power, math.ceil(math.log10(largest / interval) - 12))
    return float(interval * 10**power) if power >= 0 else float(interval / 10**-power)


def counts_on_interval(
    values: NDArray[np.floating[Any]], interval: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Count values in intervals whose edges are whole multiples of the interval; every value is counted.

    Parameters
    ----------
    values : ndarray of shape (n,)
        At least one finite number.
    interval : float
        Width of an interval.

    Returns
    -------
    edges : ndarray of shape (m + 1,)
        From the multiple at or below the smallest value to the one above the largest.
    counts : ndarray of shape (m,)
        Their sum is n.
    """
    slots = np.floor(np.asarray(values, dtype=np.float64) / interval).astype(np.int64)
    first, last = int(slots.min()), int(slots.max())
    return slot_edges(first, last, interval), np.bincount(slots - first, minlength=last - first + 1).astype(np.int64)


def pooled_counts(
    table: NDArray[np.floating[Any]], columns: NDArray[np.int64], interval: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Count the values of several columns together, one column in memory at a time.

    Parameters
    ----------
    table : ndarray of shape (n, d)
        Finite numbers.
    columns : ndarray of shape (c,)
        At least one.
    interval : float
        Width of an interval.

    Returns
    -------
    edges, counts : ndarray of shape (m + 1,) and (m,)
        As `counts_on_interval` of all these values.
    """
    low = min(float(table[:, column].min()) for column in columns)
    high = max(float(table[:, column].max()) for column in columns)
    first, last = int(np.floor(low / interval)), int(np.floor(high / interval))
    counts = np.zeros(last - first + 1, np.int64)
    for column in columns:
        slots = np.floor(table[:, column].astype(np.float64) / interval).astype(np.int64)
        counts += np.bincount(slots - first, minlength=len(counts))
    return slot_edges(first, last, interval), counts


def slot_edges(first: int, last: int, interval: float) -> NDArray[np.float64]:
    """Edges of the intervals number `first` to `last`, interval number i reaching from i to i + 1 times the interval.

    Parameters
    ----------
    first, last : int
        Numbers, below 0 for negative values.
    interval : float
        Width.

    Returns
    -------
    ndarray of shape (last − first + 2,)
        Without the last digits that multiplication spoils: 0.3 and not 0.30000000000000004.
    """
    return np.round(np.arange(first, last + 2) * interval, 12 - math.floor(math.log10(interval)))


def peak_by_parabola(edges: NDArray[np.floating[Any]], counts: NDArray[Any]) -> float:
    """Place of the peak: the vertex of the parabola through the logarithms of the highest count and its neighbours.

    Exact for a Gaussian peak. With an empty neighbour it is the middle of the highest interval.

    Parameters
    ----------
    edges : ndarray of shape (m + 1,)
        Equally spaced.
    counts : ndarray of shape (m,)
        Not negative, at least one above 0.

    Returns
    -------
    float
        In the units of the edges.
    """
    top = int(np.argmax(counts))
    middle = (edges[top] + edges[top + 1]) / 2
    if top in (0, len(counts) - 1) or counts[top - 1] <= 0 or counts[top + 1] <= 0:
        return float(middle)
    left, centre, right = np.log(np.asarray(counts[top - 1 : top + 2], dtype=np.float64))
    curvature = left - 2 * centre + right
    if curvature == 0:
        return float(middle)
    return float(middle + (edges[top + 1] - edges[top]) * (left - right) / (2 * curvature))


def robust_scale(values: NDArray[np.floating[Any]]) -> float:
    """Estimate the bulk's standard deviation: the smaller of the sample's and interquartile range / 1.349 if not 0.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.

    Returns
    -------
    float
        0 only if all values are equal.
    """
    sd = float(np.std(values, dtype=np.float64))
    low, high = np.quantile(values, [0.25, 0.75])
    quartiles = float(high - low) / 1.349
    return min(sd, quartiles) if quartiles > 0 else sd


@dataclass(frozen=True)
class Peak:
    """Where a density has its peak, and how wide it is.

    Attributes
    ----------
    place : float
        Where it is highest.
    centre : float
        Middle between the two places of half height; on a symmetric density the same, and far less noisy.
    width : float
        Full width at half maximum; 2.3548 sd for a Gaussian, 0 for values that are all equal.
    """

    place: float
    centre: float
    width: float


def smooth_peak(values: NDArray[np.floating[Any]], *, fineness: int = 20) -> Peak:
    """Peak and full width at half maximum of a kernel estimate of the density.

    Gaussian kernel with Silverman's bandwidth h = 0.9 s n^(−1/5) (Silverman 1986, section 3.4.2), on a grid of
    s / `fineness` over eight s to both sides of the median. What the kernel adds to the width is taken off again in
    squares, which is exact for a Gaussian: width² = seen² − 8 ln 2 h²; it is never taken below one cell of the grid.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.
    fineness : int
        Grid cells to one robust standard deviation s.

    Returns
    -------
    Peak
        In the units of the values.
    """
    scale = robust_scale(values)
    middle = float(np.median(values))
    if scale <= abs(middle) * np.finfo(np.float32).eps:
        return Peak(middle, middle, 0.0)
    cell = scale / fineness
    half = 8 * fineness
    slots = np.floor((np.asarray(values, dtype=np.float64) - middle) / cell) + half
    inside = slots[(slots >= 0) & (slots < 2 * half)].astype(np.int64)
    bandwidth = 0.9 * len(values) ** -0.2 * fineness
    density = gaussian_filter1d(
        np.bincount(inside, minlength=2 * half).astype(np.float64), bandwidth, mode="constant", truncate=_WIDEST_KERNEL
    )
    grid = (np.arange(2 * half + 1) - half) * cell
    right = _half_height(density)
    left = len(density) - 1 - _half_height(density[::-1])
    seen = (right - left) * cell
    width = float(np.sqrt(max(seen**2 - 8 * np.log(2) * (bandwidth * cell) ** 2, cell**2)))
    centre = middle + ((right + left + 1) / 2 - half) * cell
    return Peak(middle + peak_by_parabola(grid, density), centre, width)


def _half_height(density: NDArray[np.float64]) -> float:
    """Nearest place to the right of the highest cell where the density is half of it, in cells, by straight lines."""
    top = int(np.argmax(density))
    half = density[top] / 2
    below = np.flatnonzero(density[top:] < half)
    if len(below) == 0:
        return float(len(density) - 1)
    after = top + int(below[0])
    return float(after - (half - density[after]) / (density[after - 1] - density[after]))
