"""The radius of codes against clouds with the same mean and covariance, or with the same axes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from zscope.measures.base import Measurement
from zscope.measures.goodness import ks_distance
from zscope.measures.histogram import counts_on_interval, peak_by_parabola, slot_edges
from zscope.measures.radius import radii, radius_intervals
from zscope.measures.sample import Sample
from zscope.nulls.agreement import agree, bounded, distance_bound, margin_of
from zscope.nulls.base import NullTest, Verdict, percent
from zscope.nulls.battery import Battery, NullSide
from zscope.nulls.outcome import Outcome, Statistic
from zscope.typing import JsonDict

_CLAIM = "radius_explained"
_BAND = (0.01, 0.99)
_PILOTS = 19
_BEYOND = 200


def radius_band(pool: NDArray[np.float64], edges: NDArray[np.float64], n: int, of: int) -> JsonDict:
    """Histogram that a null leads to expect: in each interval for itself, where at least 98 % of its draws lie.

    The share of the pool in an interval gives the chance of a point to fall there; the band is that of the binomial
    law. Draws that share moments with the codes scatter a little less.

    Parameters
    ----------
    pool : ndarray of shape (m,)
        Radii of many draws.
    edges : ndarray of shape (k + 1,)
        Edges of the codes' histogram: whole multiples of its interval. The band goes beyond them as far as the pool
        does, but at most by 200 intervals to either side, since codes on a thin shell have very small ones.
    n, of : int
        The band is that of n points; counts are scaled to this many.

    Returns
    -------
    dict
        Edges, and for each interval the mean, and the 1 % and 99 % quantiles of the counts.
    """
    interval = float(edges[-1] - edges[0]) / (len(edges) - 1)
    own_first, own_last = round(float(edges[0]) / interval), round(float(edges[-1]) / interval) - 1
    slots = np.floor(pool / interval)
    first = int(min(own_first, max(slots.min(), own_first - _BEYOND, 0)))
    last = int(max(own_last, min(slots.max(), own_last + _BEYOND)))
    kept = slots[(slots >= first) & (slots <= last)].astype(np.int64)
    shares = np.bincount(kept - first, minlength=last - first + 1) / len(pool)
    low, high = (np.asarray(binom.ppf(quantile, n, shares)) * (of / n) for quantile in _BAND)
    return {
        "interval": interval,
        "edges": slot_edges(first, last, interval).tolist(),
        "mean": (shares * of).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "quantiles": list(_BAND),
    }


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Sorted radii of draws that are not counted, and the interval of their histogram."""

    pool: NDArray[np.float64]
    interval: float


@dataclass(frozen=True)
class RadiusBattery(Battery):
    """Distribution, spread and peak of the radius against the nulls `covariance` and `permuted`.

    The distance is taken from the radii of 20 further draws of the null together, for codes and draws alike. Only
    `covariance` decides; `permuted` shows beside it what the axes alone, without their dependence, would give.
    """

    measure: ClassVar[str] = "radius"
    pilots: ClassVar[int] = _PILOTS

    def nulls(self, sample: Sample) -> tuple[str, ...]:
        """Name the nulls.

        Parameters
        ----------
        sample : Sample
            The codes.

        Returns
        -------
        tuple of str
            ``covariance`` and ``permuted``, the latter not for a single axis, of which it would keep everything.
        """
        return ("covariance",) if sample.dimension == 1 else ("covariance", "permuted")

    def prepare(self, sample: Sample, side: NullSide) -> _Prepared:  # noqa: ARG002 - all is taken from the null
        """Gather radii of draws that are not counted.

        Parameters
        ----------
        sample : Sample
            The codes.
        side : NullSide
            The null.

        Returns
        -------
        object
            For `statistics`.
        """
        lengths = [radii(side.reference.points), *(radii(pilot.points) for pilot in islice(side.pilots, self.pilots))]
        pool = np.sort(np.concatenate(lengths))
        return _Prepared(pool, radius_intervals(pool)[0])

    def statistics(self, sample: Sample, prepared: _Prepared, rng: np.random.Generator) -> dict[Statistic, float]:  # noqa: ARG002
        """Take the figures of the codes or of a draw.

        Parameters
        ----------
        sample : Sample
            Codes or draw.
        prepared : object
            From `prepare`.
        rng : numpy.random.Generator
            Not used.

        Returns
        -------
        dict of Statistic to float
            ``radius_ks``, which decides, ``radius_sd`` and ``radius_peak``, in latent units.
        """
        lengths = np.sort(radii(sample.points))
        return {
            Statistic("radius_ks"): ks_distance(lengths, prepared.pool),
            Statistic("radius_sd", "both", "ratio", decides=False): float(lengths.std()),
            Statistic("radius_peak", "both", decides=False): peak_by_parabola(
                *counts_on_interval(lengths, prepared.interval)
            ),
        }

    def tests(self, measurement: Measurement, outcome: Outcome, prepared: _Prepared) -> list[NullTest]:
        """Give the tests; the distance from the null `covariance` carries the band for the figure.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.radius.RadiusMeasure`.
        outcome : Outcome
            Against one null.
        prepared : object
            What was prepared for that null.

        Returns
        -------
        list of NullTest
            One a statistic.
        """
        tests = outcome.tests()
        if outcome.null != "covariance":
            return tests
        values: dict[str, Any] = dict(measurement.values)
        edges = np.array(values["intervals"][f"{values['interval']:g}"]["edges"])
        band = radius_band(prepared.pool, edges, outcome.n, outcome.of)
        return [replace(test, band=band) if test.statistic == "radius_ks" else test for test in tests]

    def verdict(self, measurement: Measurement, outcomes: Sequence[Outcome]) -> Verdict:
        """Decide whether mean and covariance explain the radius.

        Parameters
        ----------
        measurement : Measurement
            Of `zscope.measures.radius.RadiusMeasure`.
        outcomes : sequence of Outcome
            Against `covariance` and `permuted`.

        Returns
        -------
        Verdict
            The claim `radius_explained`.
        """
        outcome = next(outcome for outcome in outcomes if outcome.null == "covariance")
        return radius_verdict(measurement, outcome)


def radius_verdict(measurement: Measurement, outcome: Outcome) -> Verdict:
    """Decide whether mean and covariance explain the radius.

    True if the distance's upper bound lies under the margin; false if the distance is above the margin and significant;
    undecided otherwise. "Not significant" alone decides nothing.

    Parameters
    ----------
    measurement : Measurement
        Of `zscope.measures.radius.RadiusMeasure`.
    outcome : Outcome
        Against `covariance`.

    Returns
    -------
    Verdict
        The claim `radius_explained`.
    """
    margin = margin_of(_CLAIM)
    made = agree([distance_bound(outcome, "radius_ks", outcome.n * (1 + _PILOTS))], margin, outcome)
    spread = next(test for test in outcome.tests() if test.statistic == "radius_sd")
    values: dict[str, Any] = dict(measurement.values)
    figures = (
        f"The radius of the {values['of']} peaks at {_figure(values['peak'])}, where mean and covariance alone put it "
        f"at {_figure(values['moments']['peak'])}, and spreads {spread.effect:.2f} times as much as in Gaussian clouds "
        f"that have both. The distance from theirs is {percent(made.bound.effect, 1)} of the codes, "
        f"{bounded(made.bound, margin, outcome)}"
    )
    if made.holds is None:
        return Verdict(_CLAIM, None, made.strength, f"{figures}: undecided, {made.why}.", None)
    if made.holds:
        return Verdict(
            _CLAIM,
            True,
            made.strength,
            f"{figures}: mean and covariance explain it.",
            "The radius is no finding of its own: Gaussian clouds with this mean and covariance have nearly the same, "
            "within the margin.",
        )
    return Verdict(
        _CLAIM,
        False,
        made.strength,
        f"{figures}: mean and covariance do not explain it.",
        "Codes drawn from mean and covariance will lie at other radii than the real ones; try a mixture."
        if values["of"] == "codes"
        else "Means drawn from their mean and covariance will lie at other radii. What to draw codes from depends "
        "on all posteriors together: see where their draws lie.",
    )


def _figure(number: Any) -> str:
    return f"{number:.4g}"
