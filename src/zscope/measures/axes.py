"""The density along every single axis, and the axes that stand out."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.activity import active_posteriors
from zscope.measures.base import LatentCodes, Measure, Measurement, finite_or_none, row_list
from zscope.measures.histogram import counts_on_interval, pooled_counts, scaled_interval, smooth_peak
from zscope.typing import Json, JsonDict, Progress

_INTERVAL = 0.25
_MOST = 4000


@dataclass(frozen=True, eq=False)
class AxisTable:
    """What the density along each axis looks like; every field has shape (d,), in latent units.

    Attributes
    ----------
    centre, width : ndarray
        Middle and full width at half maximum of a kernel estimate (`zscope.measures.histogram.smooth_peak`); the width
        of a constant axis is 0.
    mean, sd : ndarray
        Mean and standard deviation.
    """

    centre: NDArray[np.float64]
    width: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


def axis_table(codes: NDArray[Any]) -> AxisTable:
    """Describe the density along each axis.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Finite numbers.

    Returns
    -------
    AxisTable
        One entry an axis.
    """
    columns = np.ascontiguousarray(codes.T)
    peaks = [smooth_peak(column) for column in columns]
    return AxisTable(
        np.array([peak.centre for peak in peaks]),
        np.array([peak.width for peak in peaks]),
        codes.mean(axis=0, dtype=np.float64),
        columns.std(axis=1, dtype=np.float64),
    )


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust z-scores 0.6745 (x − median) / MAD (Iglewicz & Hoaglin 1993, "How to Detect and Handle Outliers").

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.

    Returns
    -------
    ndarray of shape (n,)
        Infinite where more than half of the values are equal and this one is not.
    """
    deviation = values - np.median(values)
    spread = float(np.median(np.abs(deviation)))
    if spread > 0:
        return np.asarray(0.6745 * deviation / spread)
    return np.where(deviation == 0, 0.0, np.copysign(np.inf, deviation))


@dataclass(frozen=True)
class AxesMeasure(Measure):
    """Centre and width of the density along every axis; the axes that are wider or further off than the ordinary ones.

    Only axes that carry something are compared: of a variational autoencoder the active ones
    (`zscope.measures.activity`), since among its collapsed axes every active one would stand out; of an autoencoder all
    that are not constant. An axis dominates if its robust z-score among these passes `outlier` and it also differs
    visibly: by
    `least_width_ratio` from the ordinary width, or by `least_shift` typical standard deviations from the ordinary
    centre. Without the second condition any difference would do once there are enough points.

    Attributes
    ----------
    outlier : float
        Bound on the robust z-score of log width and of centre / typical sd (3.5: Iglewicz & Hoaglin 1993).
    least_width_ratio : float
        Smallest ratio of widths that counts.
    least_shift : float
        Smallest shift of the centre that counts, in typical standard deviations.
    most_histograms : int
        Histograms are kept of at most so many dominating axes.
    """

    name: ClassVar[str] = "axes"
    title: ClassVar[str] = "Density along the axes"

    outlier: float = 3.5
    least_width_ratio: float = 1.25
    least_shift: float = 0.5
    most_histograms: int = 12

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        table = axis_table(codes.mean)
        carrying = _carrying(codes, table)
        reasons = self._dominating(table, carrying)
        squares = table.mean**2 + table.sd**2
        order = sorted(reasons, key=lambda axis: -squares[axis])
        ordinary = np.array([axis for axis in carrying if axis not in reasons], dtype=np.int64)
        dominating: list[Json] = [
            {
                "axis": axis,
                "centre": float(table.centre[axis]),
                "fwhm": float(table.width[axis]),
                "share_of_square_radius": float(squares[axis] / squares.sum()),
                "why": reasons[axis],
                **_aggregate(codes, table, axis),
            }
            for axis in order
        ]
        interval = _interval(codes.mean, table)
        return Measurement(
            self.name,
            {
                "interval": interval,
                "per_axis": {
                    "centre": row_list(table.centre),
                    "fwhm": row_list(table.width),
                    "mean": row_list(table.mean),
                    "sd": row_list(table.sd),
                },
                "compared": {
                    "count": len(carrying),
                    "which": "varying" if codes.logvar is None else "active",
                },
                "ordinary": {
                    "count": len(ordinary),
                    "centre": float(np.median(table.centre[ordinary])) if len(ordinary) else None,
                    "fwhm": float(np.median(table.width[ordinary])) if len(ordinary) else None,
                },
                "dominating": dominating,
                "rule": f"robust z-score above {self.outlier:g}, and {self.least_width_ratio:g} times the ordinary "
                f"width or {self.least_shift:g} typical standard deviations off the ordinary centre",
                "histograms": self._histograms(codes.mean, order, ordinary, interval),
            },
        )

    def _dominating(self, table: AxisTable, carrying: NDArray[np.int64]) -> dict[int, str]:
        """Axis → what makes it stand out among those that carry something."""
        if len(carrying) == 0:
            return {}
        widths, centres = np.log(table.width[carrying]), table.centre[carrying] / np.median(table.sd[carrying])
        wide = (robust_z(widths) > self.outlier) & (widths - np.median(widths) > np.log(self.least_width_ratio))
        off = (np.abs(robust_z(centres)) > self.outlier) & (np.abs(centres - np.median(centres)) > self.least_shift)
        return {
            int(axis): ", ".join(word for word, holds in (("width", w), ("centre", o)) if holds)
            for axis, w, o in zip(carrying, wide, off, strict=True)
            if w or o
        }

    def _histograms(
        self, codes: NDArray[np.float32], order: list[int], ordinary: NDArray[np.int64], interval: float
    ) -> JsonDict:
        shown: list[Json] = []
        for axis in order[: self.most_histograms]:
            edges, counts = counts_on_interval(codes[:, axis], interval)
            shown.append({"axis": axis, "edges": edges.tolist(), "counts": counts.tolist()})
        pooled: JsonDict = {"edges": [], "counts": []}
        if len(ordinary):
            edges, counts = pooled_counts(codes, ordinary, interval)
            pooled = {"edges": edges.tolist(), "counts": counts.tolist()}
        return {"axes": shown, "ordinary": pooled}


def _carrying(codes: LatentCodes, table: AxisTable) -> NDArray[np.int64]:
    """Axes that neither are constant nor, in a variational autoencoder, have collapsed."""
    moving = table.width > 0
    if codes.logvar is not None and moving.any():
        by_variance, by_kl = active_posteriors(codes)
        moving &= by_variance & by_kl
    return np.flatnonzero(moving)


def _aggregate(codes: LatentCodes, table: AxisTable, axis: int) -> JsonDict:
    """Mean and sd of all posteriors taken together along an axis; the prior has 0 and 1. Nothing for an autoencoder."""
    if codes.logvar is None:
        return {}
    with np.errstate(over="ignore"):
        noise = float(np.exp(codes.logvar[:, axis].astype(np.float64)).mean())
    return {
        "aggregate_mean": float(table.mean[axis]),
        "aggregate_sd": finite_or_none(np.sqrt(table.sd[axis] ** 2 + noise)),
    }


def _interval(codes: NDArray[np.float32], table: AxisTable) -> float:
    """0.25 where it cuts six typical standard deviations into 8 to 400 pieces, otherwise a power of ten times it."""
    typical = float(np.sqrt(np.mean(table.sd**2)))
    interval = scaled_interval(
        _INTERVAL, 6 * typical, fewest=8, most=400, largest=max(float(codes.max()), -float(codes.min()))
    )
    extent = float(codes.max()) - float(codes.min())
    # Single codes far outside must not make a histogram of millions of intervals.
    return interval if extent / interval <= _MOST else scaled_interval(interval, extent, fewest=_MOST / 100, most=_MOST)
