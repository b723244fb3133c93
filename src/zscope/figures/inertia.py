"""Inertia of k-means against the number of centres, all runs in one panel; of a single run with its null behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, curves_of, measured
from zscope.figures.style import BAND, NULL, light_grid, new_figure, run_colour, run_line, styled
from zscope.figures.words import counted, percent, sizes_differ
from zscope.study.payload import RunPayload

_TEST = "log_inertia_"
_WIDTH = 2.0

FEWER = "lower the inertia at the same k"
"""What a smaller number of codes does to the curve."""


@dataclass(frozen=True, eq=False)
class InertiaBand:
    """The same curve of null clouds.

    Attributes
    ----------
    k : ndarray of shape (b,), int64
        Numbers of centres at which the nulls were measured, all of them among the curve's.
    ratio : ndarray of shape (b,)
        Inertia of the codes over the geometric mean of the nulls', both at the same number of points.
    low, mean, high : ndarray of shape (b,)
        Mean of the nulls, and two standard deviations to either side, placed at the codes' curve by that ratio.
    draws : int
        Null clouds.
    """

    k: NDArray[np.int64]
    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    mean: NDArray[np.float64]
    high: NDArray[np.float64]
    draws: int

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Where the codes' curve is not within the band."""
        within = np.log(self.high / self.mean)
        return np.asarray(np.abs(np.log(self.ratio)) > within)


@dataclass(frozen=True, eq=False)
class InertiaCurve:
    """Inertia of one run.

    Attributes
    ----------
    title : str
        The run.
    k : ndarray of shape (m,), int64
        Numbers of centres.
    share : ndarray of shape (m,)
        Inertia per point over the total variance of the codes: 1 for one centre, 0 for a centre at every code.
    n : int
        Codes.
    place : int
        Place of the run.
    band : InertiaBand or None
        The null, where it was drawn.
    """

    title: str
    k: NDArray[np.int64]
    share: NDArray[np.float64]
    n: int
    place: int
    band: InertiaBand | None = None


@dataclass(frozen=True, eq=False)
class InertiaData:
    """Curves of all runs; `left_out` are runs without, and why."""

    curves: tuple[InertiaCurve, ...]
    left_out: tuple[tuple[str, str], ...]
    split: str


def prepare(runs: Sequence[RunPayload], split: str = "train") -> InertiaData | Missing:
    """Take the inertia curves of all runs, each in units of its codes' total variance.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        ``train`` or ``held-out``.

    Returns
    -------
    InertiaData or Missing
        Missing where no run has one.
    """
    curves, left_out = curves_of(runs, lambda run, title, place: _curve(run, split, title, place))
    if not curves:
        return Missing(left_out[0][1])
    return InertiaData(curves, left_out, split)


def _curve(run: RunPayload, split: str, title: str, place: int) -> InertiaCurve | Missing:
    found, variance = measured(run, split, "inertia"), measured(run, split, "pca")
    if isinstance(found, Missing):
        return found
    if isinstance(variance, Missing):
        return Missing(f"there is no variance to scale its inertia by, as {variance.reason}")
    part, values = found
    k, share = np.array(values["k"], dtype=np.int64), np.array(values["inertia"]) / variance[1]["total_variance"]
    return InertiaCurve(title, k, share, values["n"], place, _band(part.tests.get("inertia", []), k, share))


def _band(tests: Sequence[dict[str, Any]], k: NDArray[np.int64], share: NDArray[np.float64]) -> InertiaBand | None:
    at = dict(zip(k.tolist(), share.tolist(), strict=True))
    named = {int(test["statistic"].removeprefix(_TEST)): test for test in tests if test["statistic"].startswith(_TEST)}
    found = {number: test for number, test in named.items() if at.get(number, 0.0) > 0}
    if not found:
        return None
    own = np.array([at[number] for number in found])
    value, centre, sd = (np.array([test[key] for test in found.values()]) for key in ("value", "null_mean", "null_sd"))
    mean = own * np.exp(centre - value)
    return InertiaBand(
        np.array(list(found)),
        np.exp(value - centre),
        mean * np.exp(-_WIDTH * sd),
        mean,
        mean * np.exp(_WIDTH * sd),
        next(iter(found.values()))["draws"],
    )


def caption(data: InertiaData) -> str:
    """Say where the curves begin and end."""
    ends = [
        f"{curve.title}: {percent(float(curve.share[0]))} with {curve.k[0]} centres, "
        f"{percent(float(curve.share[-1]))} with {curve.k[-1]}."
        for curve in data.curves
    ]
    left_out = [f"{title} is left out: {reason}." for title, reason in data.left_out]
    says = (
        f"Mean squared distance of the {SPLIT_WORDS[data.split]} codes to the nearest of k centres, as a share of "
        "their total variance."
    )
    warning = sizes_differ([curve.n for curve in data.curves], FEWER)
    null = [_null_words(data.curves[0].band)] if len(data.curves) == 1 else []
    return " ".join([says, *ends, *left_out, *null]) + warning


def _null_words(band: InertiaBand | None) -> str:
    if band is None:
        return "No null was drawn."
    grey = (
        f"Grey: the same of {counted(band.draws, 'Gaussian cloud')} with the codes' mean and covariance, mean and two "
        f"standard deviations, relative to as many codes. Their curve has a bend too: a bend alone "
        '("elbow") is no sign of clusters.'
    )
    if band.draws < 2:
        return grey
    if not band.outside.any():
        return f"{grey} The codes' curve stays within the band."
    most = int(np.argmax(np.abs(np.log(band.ratio))))
    return (
        f"{grey} The codes' curve leaves the band at {band.outside.sum()} of {counted(len(band.k), 'number')} of "
        f"centres that were compared; at k = {band.k[most]} the inertia is {band.ratio[most]:.2f} times theirs."
    )


@styled
def draw(data: InertiaData) -> Figure:
    """Draw all curves in one panel."""
    figure = new_figure(2.7)
    axes = figure.subplots()
    band = data.curves[0].band if len(data.curves) == 1 else None
    if band is not None:
        axes.fill_between(
            band.k, band.low, band.high, color=BAND, alpha=0.55, linewidth=0, label="Gaussian clouds, ± 2 sd"
        )
        axes.plot(band.k, band.mean, color=NULL, linewidth=0.9, linestyle=(0, (4, 2)))
    for curve in data.curves:
        axes.plot(
            curve.k,
            curve.share,
            color=run_colour(curve.place),
            linestyle=run_line(curve.place),
            marker="o",
            markersize=2.6,
            markeredgewidth=0,
            label=curve.title,
        )
    axes.set_xlabel("number of centres k")
    axes.set_ylabel("inertia / total variance")
    axes.set_ylim(0, min(1.05, 1.08 * max(float(curve.share.max()) for curve in data.curves)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}".replace("%", " %")))
    light_grid(axes)
    figure.legend(loc="outside upper left", ncols=min(len(data.curves), 4))
    return figure
