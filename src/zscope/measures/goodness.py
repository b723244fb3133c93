"""How far values are from a law: distances of distribution functions, and p-values for the normal one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

_AXES_AT_ONCE = 32


def law_distance(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kolmogorov–Smirnov distance sup |F_n − F| from what the law F says of the sorted values.

    Parameters
    ----------
    probabilities : ndarray of shape (…, n)
        F at the sorted values, rising along the last axis.

    Returns
    -------
    ndarray of shape (…,)
        0.5 / n … 1.
    """
    n = probabilities.shape[-1]
    steps = np.arange(n + 1) / n
    above = (steps[1:] - probabilities).max(axis=-1)
    return np.asarray(np.maximum(above, (probabilities - steps[:-1]).max(axis=-1)))


def normal_distances(
    points: NDArray[np.floating[Any]],
    mean: NDArray[np.float64] | float = 0.0,
    sd: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Kolmogorov–Smirnov distance of every axis from N(mean, sd²).

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Codes or scores.
    mean, sd : ndarray of shape (d,), or float
        Of the normal law; an axis whose sd is 0 has distance 0.

    Returns
    -------
    ndarray of shape (d,)
        0 … 1.
    """
    found = np.zeros(points.shape[1])
    for axes, standard in _sorted_axes(points, mean, sd):
        found[axes] = law_distance(ndtr(standard))
    return found


def anderson_darling(
    points: NDArray[np.floating[Any]], mean: NDArray[np.float64], sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Anderson–Darling statistic A² of every axis against N(mean, sd²) (Anderson & Darling 1952).

    A² = −n − Σ (2i − 1) [ln Φ(z_i) + ln(1 − Φ(z_{n+1−i}))] / n over the sorted standardised values z.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Codes.
    mean, sd : ndarray of shape (d,)
        Of the normal law; an axis whose sd is 0 gets NaN.

    Returns
    -------
    ndarray of shape (d,)
        Large where tails or middle are off.
    """
    n = len(points)
    weights = (2 * np.arange(1, n + 1) - 1) / n
    found = np.full(points.shape[1], np.nan)
    for axes, standard in _sorted_axes(points, mean, sd):
        found[axes] = -n - (log_ndtr(standard) + log_ndtr(-standard[:, ::-1])) @ weights
    return found


def _sorted_axes(
    points: NDArray[np.floating[Any]], mean: NDArray[np.float64] | float, sd: NDArray[np.float64] | float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Standardised values of a few axes at a time, sorted; axes whose sd is 0 are left out."""
    d = points.shape[1]
    centre, scale = np.broadcast_to(mean, d), np.broadcast_to(sd, d)
    moving = np.flatnonzero(scale > 0)
    for start in range(0, len(moving), _AXES_AT_ONCE):
        axes = moving[start : start + _AXES_AT_ONCE]
        columns = np.sort(np.ascontiguousarray(points[:, axes].T), axis=1).astype(np.float64)
        yield axes, (columns - centre[axes, None]) / scale[axes, None]


def lilliefors_p(distances: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """p-value of the distance from the normal law with the sample's own mean and sd (Lilliefors 1967).

    exp(−7.01256 x² + 2.99587 x − 0.008) at x = 1.006 (√n − 0.01 + 0.85 / √n) D: the upper tail of Dallal & Wilkinson
    (1986) in Stephens' (1974) scale, which fits all n. Rough above 0.1.

    Parameters
    ----------
    distances : ndarray
        D.
    n : int
        Size of the sample.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    x = 1.006 * (np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n)) * distances
    # The parabola has its vertex at 0.2136, below which there is nothing to see.
    x = np.maximum(x, 2.99587 / (2 * 7.01256))
    return np.asarray(np.minimum(np.exp(-7.01256 * x**2 + 2.99587 * x - 0.008), 1.0))


def anderson_darling_p(statistics: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """p-value of A² against the normal law with the sample's own mean and sd.

    By A*² = A² (1 + 0.75 / n + 2.25 / n²) and the four exponentials of D'Agostino & Stephens (1986, "Goodness-of-Fit
    Techniques", table 4.9); beyond A*² = 10 it is that of 10, about 4e-24, where the last of them would turn.

    Parameters
    ----------
    statistics : ndarray
        A².
    n : int
        Size of the sample, at least 8.

    Returns
    -------
    ndarray
        Of the same shape; NaN stays NaN.
    """
    a = np.minimum(statistics * (1 + 0.75 / n + 2.25 / n**2), 10.0)
    return np.select(
        [np.isnan(a), a >= 0.6, a > 0.34, a > 0.2],
        [
            a,
            np.exp(1.2937 - 5.709 * a + 0.0186 * a**2),
            np.exp(0.9177 - 4.279 * a - 1.38 * a**2),
            1 - np.exp(-8.318 + 42.796 * a - 59.938 * a**2),
        ],
        1 - np.exp(-13.436 + 101.14 * a - 223.73 * a**2),
    )


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p-values for their number (Holm 1979).

    Parameters
    ----------
    p : ndarray of shape (m,)
        NaN for what was not tested.

    Returns
    -------
    ndarray of shape (m,)
        The i-th smallest times m − i + 1, never below a smaller one's; at most 1.
    """
    corrected = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return corrected


def ks_distance(sample: NDArray[np.float64], pool: NDArray[np.float64]) -> float:
    """Kolmogorov–Smirnov distance sup |F(x) − G(x)| of a sample from a pool.

    Parameters
    ----------
    sample : ndarray of shape (n,)
        Sorted.
    pool : ndarray of shape (m,)
        Sorted.

    Returns
    -------
    float
        0 … 1.
    """
    n, m = len(sample), len(pool)
    at, before = (np.searchsorted(pool, sample, side=side) / m for side in ("right", "left"))
    own_at, own_before = (np.searchsorted(sample, sample, side=side) / n for side in ("right", "left"))
    # Both are steps: the difference is largest at, or just before, a step of the sample.
    return float(max(np.max(own_at - at), np.max(before - own_before), 0.0))
