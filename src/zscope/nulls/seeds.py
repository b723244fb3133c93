"""Runs of one model against runs of another: a figure between them, and the same between seeds of either.

The null is another seed of the same model: what a run of the other model tells of a run is held against what a further
seed of its own model tells. The draws are runs. Pairs of runs share runs and are no independent figures.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil, exp, expm1, log1p, sqrt
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from zscope.nulls.claims import LEAST_RUNS, RUNS_LEVEL, SPACE_MARGIN
from zscope.typing import JsonDict

_POWER = 0.8
_MOST_RUNS = 10_000

Figure = Literal["r2", "overlap", "peak"]


@dataclass(frozen=True)
class Seeds:
    """Runs of one model that differ in nothing but the seed.

    Attributes
    ----------
    name : str
        How the model is called.
    rows : tuple of int
        Its runs, as rows of the tables of figures.
    seeds : tuple of int
        The seed of each, no two the same.
    """

    name: str
    rows: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SpaceFigures:
    """Figures of R runs; NaN where there is none, as between a run and itself.

    Attributes
    ----------
    r2 : ndarray of shape (R, R)
        Entry (i, j): share of the variance of run j's codes that a linear map from run i's gives.
    overlap : ndarray of shape (R, R)
        Share of common neighbours; symmetric.
    peaks : ndarray of shape (R,)
        Most frequent radius, in latent units.
    """

    r2: NDArray[np.float64]
    overlap: NDArray[np.float64]
    peaks: NDArray[np.float64]


@dataclass(frozen=True)
class SeedInterval:
    """How far chance in the seeds may have moved an effect.

    Attributes
    ----------
    low, high : float
        The effect lies beyond either with a probability of at most 5 %.
    p_beyond : float
        p-value of a difference no larger than the margin: small where it is certainly beyond.
    spread : float
        Standard deviation over seeds; of a peak, that of its logarithm.
    """

    low: float
    high: float
    p_beyond: float
    spread: float

    @property
    def bound(self) -> float:
        """The largest size that the effect may have."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True)
class SeedDifference:
    """How a figure between two models differs from the same between seeds of one of them.

    Attributes
    ----------
    figure : {"r2", "overlap", "peak"}
        What is compared.
    of : str
        The model against whose own seeds it is held.
    between, within : float or None
        Mean over pairs of a run of the other model and one of this, and over pairs of two runs of this (None with one
        run). Of a peak: geometric mean over the runs of the other model and over those of this, in latent units.
    effect : float or None
        between − within; of a peak between / within − 1. None where either is.
    interval : SeedInterval or None
        None with fewer than three runs of either model.
    """

    figure: Figure
    of: str
    between: float | None
    within: float | None
    effect: float | None
    interval: SeedInterval | None

    def as_json(self) -> JsonDict:
        """Give the difference as JSON holds it.

        Returns
        -------
        dict
            Every field, under its own name.
        """
        return cast(JsonDict, asdict(self))


def seed_differences(one: Seeds, other: Seeds, figures: SpaceFigures) -> list[SeedDifference]:
    """Hold two models against each other, by the variation over seeds of either.

    Two spaces are the same as far as seeds go if a run of the other model tells as much of a run as a further seed of
    its own model. That must hold for the runs of both: a rich space tells all of a poor one, and not the other way
    round. Pairs of one seed are left out of the mean between models: they share initial weights and the order of the
    images, and are more alike than their models are. Where there are no others, the mean is over them, and nothing is
    said of chance.

    Parameters
    ----------
    one, other : Seeds
        The models.
    figures : SpaceFigures
        Of all runs.

    Returns
    -------
    list of SeedDifference
        R² of the first model's codes and of the second's, common neighbours against the seeds of either, and the
        second's peak against the first's.
    """
    tables: tuple[tuple[Figure, NDArray[np.float64]], ...] = (("r2", figures.r2), ("overlap", figures.overlap))
    pairs = [
        _of_pairs(figure, table, own, foreign)
        for figure, table in tables
        for own, foreign in ((one, other), (other, one))
    ]
    return [*pairs, _of_peaks(figures.peaks, one, other)]


def _of_pairs(figure: Figure, table: NDArray[np.float64], own: Seeds, foreign: Seeds) -> SeedDifference:
    between, within = table[np.ix_(foreign.rows, own.rows)], table[np.ix_(own.rows, own.rows)].copy()
    np.fill_diagonal(within, np.nan)
    apart = np.array(foreign.seeds)[:, None] != np.array(own.seeds)
    if apart.any():
        between = np.where(apart, between, np.nan)

    def difference(mine: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
        return _mean(between[np.ix_(theirs, mine)]) - _mean(within[np.ix_(mine, mine)])

    effect = _mean(between) - _mean(within)
    chance = _chance(difference, len(own.rows), len(foreign.rows))
    return SeedDifference(
        figure,
        own.name,
        _known(_mean(between)),
        _known(_mean(within)),
        _known(effect),
        None
        if chance is None
        else SeedInterval(
            effect - chance.slack, effect + chance.slack, chance.p_beyond(effect, SPACE_MARGIN), chance.spread
        ),
    )


def _of_peaks(peaks: NDArray[np.float64], one: Seeds, other: Seeds) -> SeedDifference:
    if not (peaks[[*one.rows, *other.rows]] > 0).all():
        return SeedDifference("peak", one.name, None, None, None, None)
    first, second = np.log(peaks[list(one.rows)]), np.log(peaks[list(other.rows)])
    shift = float(second.mean() - first.mean())
    chance = _chance(lambda mine, theirs: float(second[theirs].mean() - first[mine].mean()), len(first), len(second))
    return SeedDifference(
        "peak",
        one.name,
        exp(second.mean()),
        exp(first.mean()),
        expm1(shift),
        None
        if chance is None
        else SeedInterval(
            expm1(shift - chance.slack),
            expm1(shift + chance.slack),
            chance.p_beyond(shift, log1p(SPACE_MARGIN)),
            chance.spread,
        ),
    )


def _mean(numbers: NDArray[np.float64]) -> float:
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if len(known) else float("nan")


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number


@dataclass(frozen=True)
class _Chance:
    """Standard error of a difference over runs, its degrees of freedom, and the standard deviation over seeds."""

    error: float
    freedom: float
    spread: float

    @property
    def slack(self) -> float:
        return float(t.ppf(1 - RUNS_LEVEL, self.freedom)) * self.error

    def p_beyond(self, effect: float, margin: float) -> float:
        off = abs(effect) - margin
        if self.error == 0:
            return 0.0 if off > 0 else 1.0
        return float(t.sf(off / self.error, self.freedom))


def _chance(difference: Callable[[NDArray[np.int64], NDArray[np.int64]], float], m: int, n: int) -> _Chance | None:
    """Jackknife over the runs of both models (Arvesen 1969, for means over pairs), with Welch's degrees of freedom.

    Leaving out a run takes all its pairs with it. The variance is (m − 1) / m Σ (Dᵢ − D̄)² over the runs i of one model
    that are left out, plus the same over those of the other. Where a pair's figure is the sum of what either run brings
    along, and for peaks, that is Welch's test of the runs' own means.
    """
    if min(m, n) < LEAST_RUNS:
        return None
    mine, theirs = np.arange(m), np.arange(n)
    without = (
        np.array([difference(np.delete(mine, run), theirs) for run in mine]),
        np.array([difference(mine, np.delete(theirs, run)) for run in theirs]),
    )
    parts = [float((len(row) - 1) * row.var()) for row in without]
    whole = sum(parts)
    if np.isnan(whole):
        return None
    if whole == 0:
        return _Chance(0.0, float(m + n - 2), 0.0)
    freedom = whole**2 / sum(part**2 / (size - 1) for part, size in zip(parts, (m, n), strict=True))
    return _Chance(sqrt(whole), freedom, sqrt((m * parts[0] + n * parts[1]) / 2))


def runs_needed(spread: float, margin: float) -> int:
    """Count the runs of each model that it takes to find two equal models within a margin.

    The smallest n at which both one-sided tests at 5 % reject in 80 % of the cases if there is no difference:
    (t₀.₉₅ + z₀.₉) spread √(2 / n) ≤ margin, with 2n − 2 degrees of freedom (Schuirmann 1987).

    Parameters
    ----------
    spread : float
        Standard deviation over seeds.
    margin : float
        In the same units.

    Returns
    -------
    int
        At least 3 and at most 10,000.

    Examples
    --------
    >>> runs_needed(1.0, 1.0), runs_needed(0.0, 0.05)
    (18, 3)
    """
    beyond = float(norm.ppf((1 + _POWER) / 2))
    n = max(LEAST_RUNS, ceil(2 * ((float(norm.ppf(1 - RUNS_LEVEL)) + beyond) * spread / margin) ** 2))
    while n < _MOST_RUNS and (float(t.ppf(1 - RUNS_LEVEL, 2 * n - 2)) + beyond) * spread * sqrt(2 / n) > margin:
        n += 1
    return min(n, _MOST_RUNS)
