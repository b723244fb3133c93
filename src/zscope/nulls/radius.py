"""The radius of codes against clouds with the same mean and covariance."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measurement, chosen_rows
from zscope.measures.histogram import counts_on_interval, peak_by_parabola, slot_edges
from zscope.measures.radius import radii
from zscope.measures.words import counted
from zscope.nulls.base import NullTest, Verdict, percent
from zscope.nulls.claims import CONFIDENCE, LEAST_POINTS, LEAST_POINTS_PER_DIMENSION, LEVEL, RADIUS_MARGIN
from zscope.nulls.draws import covariance_draws
from zscope.typing import JsonDict, Progress, silent

_CLAIM = "radius_explained"
_BAND = (0.01, 0.99)


def ks_distance(
    sample: NDArray[np.float64], pool: NDArray[np.float64], left_out: NDArray[np.float64] | None = None
) -> float:
    """Kolmogorov–Smirnov distance sup |F(x) − G(x)| of a sample from a pool.

    Parameters
    ----------
    sample : ndarray of shape (n,)
        Sorted.
    pool : ndarray of shape (m,)
        Sorted.
    left_out : ndarray of shape (k,), optional
        Sorted values, each also in the pool, that are not to count in it.

    Returns
    -------
    float
        0 … 1.
    """
    n, m = len(sample), len(pool) - (0 if left_out is None else len(left_out))
    at = np.searchsorted(pool, sample, side="right").astype(np.float64)
    before = np.searchsorted(pool, sample, side="left").astype(np.float64)
    if left_out is not None:
        at -= np.searchsorted(left_out, sample, side="right")
        before -= np.searchsorted(left_out, sample, side="left")
    own_at = np.searchsorted(sample, sample, side="right")
    own_before = np.searchsorted(sample, sample, side="left")
    # Both are steps: the difference is largest at, or just before, a step of the sample.
    return float(max(np.max(own_at / n - at / m), np.max(before / m - own_before / n), 0.0))


def distance_margin(n: int, m: int, confidence: float) -> float:
    """How far the distance of two samples may lie below that of their distributions.

    Dvoretzky–Kiefer–Wolfowitz with Massart's constant (Massart 1990): sup |F_n − F| ≤ sqrt(ln(2 / α) / 2n) with
    probability 1 − α; half of 1 − confidence for either sample.

    Parameters
    ----------
    n, m : int
        Sizes of the samples.
    confidence : float
        Probability that it holds for both.

    Returns
    -------
    float
        To be added to the distance that was seen.
    """
    alpha = (1 - confidence) / 2
    return float(np.sqrt(np.log(2 / alpha) / (2 * n)) + np.sqrt(np.log(2 / alpha) / (2 * m)))


@dataclass(frozen=True, eq=False)
class _Radii:
    """Sorted radii of the codes that were used, and of each null draw (draws, n)."""

    data: NDArray[np.float64]
    nulls: NDArray[np.float64]
    of: int

    def test(
        self,
        statistic: str,
        value: float,
        null: NDArray[np.float64],
        p: float,
        effect: float,
        band: JsonDict | None = None,
    ) -> NullTest:
        spread = float(null.std(ddof=1)) if len(null) > 1 else 0.0
        n = len(self.data)
        return NullTest(
            statistic, value, "covariance", float(null.mean()), spread, len(null), p, effect, n, self.of, band
        )


def radius_tests(
    codes: LatentCodes,
    interval: float,
    rng: np.random.Generator,
    draws: int = 99,
    max_points: int = 20_000,
    progress: Progress = silent,
) -> list[NullTest]:
    """Hold the radii of codes against Gaussian clouds with exactly their mean and covariance.

    Parameters
    ----------
    codes : LatentCodes
        More points than dimensions.
    interval : float
        Width of the histogram's intervals, in latent units.
    rng : numpy.random.Generator
        Chooses the points where there are too many, and draws the nulls.
    draws : int
        Number of null clouds.
    max_points : int
        With more codes than this, so many are chosen at random, and the nulls get as many; the tests say both numbers.
    progress : Progress
        Told after each draw.

    Returns
    -------
    list of NullTest
        ``radius_ks``: distance of the codes' radii from all null radii together, against the distance of each draw
        from all others (one-sided; effect: the distance itself; carries the band). ``radius_sd``: two-sided, effect:
        ratio to the null's mean. ``radius_peak``: peak of the histogram as in the measure, two-sided, effect: shift in
        latent units.
    """
    points = codes.mean[chosen_rows(codes.n, max_points, rng)]
    nulls = covariance_draws(points, lambda cloud: np.sort(radii(cloud)), draws, rng, progress)
    both = _Radii(np.sort(radii(points)), np.stack(nulls), codes.n)
    pool = np.sort(both.nulls, axis=None)
    distance = ks_distance(both.data, pool)
    distances = np.array([ks_distance(null, pool, null) for null in both.nulls]) if draws > 1 else np.zeros(1)
    sd, sds = float(both.data.std()), both.nulls.std(axis=1)
    peak, peaks = _peak(both.data, interval), np.array([_peak(null, interval) for null in both.nulls])
    ratio = sd / float(sds.mean()) if sds.mean() > 0 else 1.0
    return [
        both.test("radius_ks", distance, distances, p_above(distance, distances), distance, _band(both, interval)),
        both.test("radius_sd", sd, sds, p_two_sided(sd, sds), ratio),
        both.test("radius_peak", peak, peaks, p_two_sided(peak, peaks), peak - float(peaks.mean())),
    ]


def _peak(lengths: NDArray[np.float64], interval: float) -> float:
    return peak_by_parabola(*counts_on_interval(lengths, interval))


def p_above(value: float, null: NDArray[np.float64]) -> float:
    """One-sided p-value (1 + number of null figures ≥ value) / (draws + 1).

    Parameters
    ----------
    value : float
        The codes' figure.
    null : ndarray of shape (draws,)
        The nulls'.

    Returns
    -------
    float
        1 / (draws + 1) … 1.
    """
    return float((1 + np.count_nonzero(null >= value)) / (len(null) + 1))


def p_two_sided(value: float, null: NDArray[np.float64]) -> float:
    """Twice the smaller of the p-values to both sides, at most 1.

    Parameters
    ----------
    value : float
        The codes' figure.
    null : ndarray of shape (draws,)
        The nulls'.

    Returns
    -------
    float
        2 / (draws + 1) … 1.
    """
    return min(1.0, 2 * min(p_above(value, null), p_above(-value, -null)))


def _band(both: _Radii, interval: float) -> JsonDict:
    """Histogram of the null on the codes' own intervals: mean, and in each interval for itself 1 % … 99 % of the draws.

    The draws have as many points as were tested; their counts are scaled to all N codes.
    """
    lowest, highest = min(both.data[0], both.nulls.min()), max(both.data[-1], both.nulls.max())
    first, last = int(np.floor(lowest / interval)), int(np.floor(highest / interval))
    width = last - first + 1
    slots = np.floor(both.nulls / interval).astype(np.int64) - first
    counts = np.stack([np.bincount(row, minlength=width) for row in slots]) * (both.of / len(both.data))
    low, high = np.quantile(counts, _BAND, axis=0)
    return {
        "interval": interval,
        "edges": slot_edges(first, last, interval).tolist(),
        "mean": counts.mean(axis=0).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "quantiles": list(_BAND),
    }


def untestable(codes: LatentCodes, max_points: int) -> str | None:
    """Say why the radius of these codes cannot be held against a null.

    Parameters
    ----------
    codes : LatentCodes
        The codes in question.
    max_points : int
        At most so many are used.

    Returns
    -------
    str or None
        The reason in words.
    """
    n, d = min(codes.n, max_points), codes.dimension
    least = max(LEAST_POINTS, LEAST_POINTS_PER_DIMENSION * d)
    if n < least:
        return f"{counted(n, 'code')} in {counted(d, 'dimension')} are too few, it takes {least:,}"
    if np.all(codes.mean == codes.mean[0]):
        return "all codes are the same point"
    return None


def radius_verdict(measurement: Measurement, tests: list[NullTest], of: str = "codes") -> Verdict:
    """Decide whether mean and covariance explain the radius.

    True if the distance's upper bound lies under the margin; false if the distance is above the margin and significant;
    undecided otherwise. "Not significant" alone decides nothing.

    Parameters
    ----------
    measurement : Measurement
        Of `zscope.measures.radius.RadiusMeasure`.
    tests : list of NullTest
        From `radius_tests`.
    of : str
        What the codes are called: ``codes``, or ``posterior means``, whose radius is not that of draws.

    Returns
    -------
    Verdict
        The claim `radius_explained`.
    """
    test = next(test for test in tests if test.statistic == "radius_ks")
    slack = distance_margin(test.n, test.n * test.draws, CONFIDENCE)
    upper = test.effect + slack
    spread = next(test for test in tests if test.statistic == "radius_sd")
    used = f"{test.n:,} codes" if test.n == test.of else f"{test.n:,} of {test.of:,} codes"
    values: dict[str, Any] = dict(measurement.values)
    figures = (
        f"The radius of the {of} peaks at {_figure(values['peak'])}, where mean and covariance alone put it at "
        f"{_figure(values['moments']['peak'])}, and spreads {spread.effect:.2f} times as much as in Gaussian clouds "
        f"that have both. The distance from theirs is {percent(test.effect, 1)} of the codes, at most "
        f"{percent(upper, 1)} with {percent(CONFIDENCE)} confidence (margin {percent(RADIUS_MARGIN)}, "
        f"p = {test.p:.2g}, {used})"
    )
    if upper < RADIUS_MARGIN:
        return Verdict(
            _CLAIM,
            True,
            "clear" if upper < RADIUS_MARGIN / 2 else "narrow",
            f"{figures}: mean and covariance explain it.",
            "The radius is no finding of its own: Gaussian clouds with this mean and covariance have nearly the same, "
            "within the margin.",
        )
    if test.p <= LEVEL and test.effect > RADIUS_MARGIN:
        return Verdict(
            _CLAIM,
            False,
            "clear" if test.effect - slack > RADIUS_MARGIN else "narrow",
            f"{figures}: mean and covariance do not explain it.",
            "Codes drawn from mean and covariance will lie at other radii than the real ones; try a mixture."
            if of == "codes"
            else "Means drawn from their mean and covariance will lie at other radii. What to draw codes from depends "
            "on all posteriors together: see where their draws lie.",
        )
    return Verdict(_CLAIM, None, "undecided", f"{figures}: undecided, {_why_undecided(test, slack)}.", None)


def codes_to_decide(test: NullTest, slack: float) -> int:
    """How many codes it takes for the upper bound to fall under the margin where there is no difference.

    Both the distance of a null draw and the slack of the bound fall with the root of the number of codes.

    Parameters
    ----------
    test : NullTest
        ``radius_ks`` of `radius_tests`.
    slack : float
        From `distance_margin`, at the test's number of codes.

    Returns
    -------
    int
        Rounded up to hundreds.
    """
    return int(np.ceil(test.n * ((test.null_mean + slack) / RADIUS_MARGIN) ** 2 / 100)) * 100


def _why_undecided(test: NullTest, slack: float) -> str:
    upper, needed = test.effect + slack, codes_to_decide(test, slack)
    if 1 / (test.draws + 1) > LEVEL:
        return f"{test.draws} null draws can never reach p = {LEVEL:g}"
    if test.p <= LEVEL:
        return f"there is a difference, but it may be under the margin or above it (up to {percent(upper, 1)})"
    more = f"to decide it takes about {needed:,} codes" if needed > test.n else "more codes would decide it"
    return f"no difference is certain at the 1 % level, but one of up to {percent(upper, 1)} cannot be excluded; {more}"


def _figure(number: Any) -> str:
    return f"{number:.4g}"
