"""Hartigan's dip: how far a distribution is from having one peak."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def dip(values: NDArray[Any]) -> float:
    """Dip statistic: the largest distance of the distribution function from the nearest one with a single peak.

    A function with one peak is convex before it and concave after it. Beginning with all values, the greatest convex
    minorant and the least concave majorant of the steps are taken; where they are furthest apart, the interval of the
    peak narrows, and what the steps deviate from the two outside of it is a lower bound of the dip. It ends where the
    interval narrows no more (Hartigan & Hartigan 1985, "The Dip Test of Unimodality"; Hartigan 1985, AS 217).

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers, in any order.

    Returns
    -------
    float
        1 / 2n for values with one peak, up to 1 / 4 for two peaks of equal weight without width; 0 where all values are
        equal. A heap of equal values among others is a step, which no smooth function follows: it alone makes the dip
        half its share.
    """
    places, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    if len(places) < 2:
        return 0.0
    above = np.cumsum(counts) / n
    below = above - counts / n
    first, last = 0, len(places) - 1
    # A step of 1 / n is no evidence against one peak.
    largest = 1 / n
    while True:
        x, under, over = places[first : last + 1], below[first : last + 1], above[first : last + 1]
        lower, upper = _convex_minorant(x, under), _convex_minorant(-x[::-1], -over[::-1])
        upper = len(x) - 1 - upper[::-1]
        minorant = np.interp(x, x[lower], under[lower])
        majorant = np.interp(x, x[upper], over[upper])
        # The two are piecewise linear: they are furthest apart at a corner of either.
        corners = np.union1d(lower, upper)
        gaps = majorant[corners] - minorant[corners]
        widest = corners[int(gaps.argmax())]
        gap = float(gaps.max())
        if gap <= largest:
            break
        left = int(lower[lower <= widest][-1]) if widest in upper else int(widest)
        right = int(upper[upper >= widest][0]) if widest in lower else int(widest)
        if widest in lower and widest in upper:
            left = right = int(widest)
        outside_left = float(np.max(over[: left + 1] - minorant[: left + 1]))
        outside_right = float(np.max(majorant[right:] - under[right:]))
        largest = max(largest, outside_left, outside_right)
        if right <= left or (left == 0 and right == last - first):
            break
        first, last = first + left, first + right
    return largest / 2


def _convex_minorant(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Corners of the greatest convex minorant of points with rising x: each time the smallest slope is followed."""
    corners = [0]
    while corners[-1] < len(x) - 1:
        here = corners[-1]
        slopes = (y[here + 1 :] - y[here]) / (x[here + 1 :] - x[here])
        corners.append(here + 1 + len(slopes) - 1 - int(slopes[::-1].argmin()))
    return np.array(corners)
