"""Scores and their 95 % intervals: how far each would be off with other images from the same source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from zscope.errors import ParameterError
from zscope.typing import JsonDict

LEVEL: Final = 0.95
RESAMPLES: Final = 1000
GROUPS: Final = 40

_AT_ONCE: Final = 2_000_000


@dataclass(frozen=True)
class Score:
    """A figure with its 95 % interval.

    Attributes
    ----------
    value : float
        The figure.
    low, high : float
        Bounds of the interval.
    """

    value: float
    low: float
    high: float

    def as_json(self) -> JsonDict:
        """Return ``{"value": …, "low": …, "high": …}``."""
        return {"value": self.value, "low": self.low, "high": self.high}


def share_score(hits: NDArray[np.bool_], effective: float | None = None) -> Score:
    """Share p of independent images for which something holds, with Wilson's interval (1927).

    (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96. The bootstrap distribution of a share is binomial
    and needs no drawing; its percentiles would shrink to a point at 0 and 1, Wilson's bounds do not.

    Parameters
    ----------
    hits : ndarray of shape (n,), bool
        One truth value an image, at least one.
    effective : float, optional
        Number of independent ones that are worth as much, where these are not independent.

    Returns
    -------
    Score
        Within 0 … 1.
    """
    n = len(hits) if effective is None else effective
    p, z = float(np.mean(hits)), float(norm.ppf((1 + LEVEL) / 2))
    centre = p + z**2 / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    # Rounding could put a bound a hair beyond the share itself.
    low, high = (float(centre - reach) / (1 + z**2 / n), float(centre + reach) / (1 + z**2 / n))
    return Score(p, max(min(low, p), 0.0), min(max(high, p), 1.0))


def mean_score(values: NDArray[Any], rng: np.random.Generator, resamples: int = RESAMPLES) -> Score:
    """Mean of a figure that every image has for itself, with the percentile bootstrap's interval over images.

    Parameters
    ----------
    values : ndarray of shape (n,)
        One finite number an image, at least one.
    rng : numpy.random.Generator
        Draws the resamples: n of the n numbers, with replacement.
    resamples : int
        How many, at least 100: fewer have no 2.5 % quantile worth the name.

    Returns
    -------
    Score
        In the unit of the numbers.

    Raises
    ------
    ParameterError
        Too few resamples.
    """
    if resamples < 100:
        raise ParameterError("resamples", "be at least 100", resamples)
    numbers = np.asarray(values, dtype=np.float64)
    n = len(numbers)
    means = np.empty(resamples)
    step = max(1, _AT_ONCE // n)
    for start in range(0, resamples, step):
        part = means[start : start + step]
        part[:] = numbers[rng.integers(0, n, (len(part), n))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Score(float(numbers.mean()), float(low), float(high))


def jackknife_score(
    value: float, without: Callable[[NDArray[np.int64]], float], n: int, rng: np.random.Generator
) -> Score:
    """Give a figure of all images together the interval of a grouped jackknife (Shao & Wu 1989).

    With g groups of images, and the figure θ₋ⱼ without the j-th: s² = (g − 1)/g Σ (θ₋ⱼ − mean)², the interval is
    θ ± t_{g−1} s. Nothing is drawn with replacement: copies of images would make distances between distributions
    larger. The interval is one for the figure's expectation at this number of images, its bias for few images included.

    Parameters
    ----------
    value : float
        θ, the figure of all n images, at least 0.
    without : callable
        Rows of a group → the figure without them.
    n : int
        Number of images, at least 2.
    rng : numpy.random.Generator
        Deals the images out to the groups.

    Returns
    -------
    Score
        Its lower bound is at least 0.
    """
    groups = np.array_split(rng.permutation(n), min(GROUPS, n))
    left = np.asarray([without(group) for group in groups])
    g = len(groups)
    spread = float(np.sqrt((g - 1) / g * np.sum((left - left.mean()) ** 2)))
    reach = float(t.ppf((1 + LEVEL) / 2, g - 1)) * spread
    return Score(value, max(value - reach, 0.0), value + reach)
