"""Inertia of k-means against the number of centres, all runs in one panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, curves_of, measured
from zscope.figures.style import light_grid, new_figure, run_colour, run_line, styled
from zscope.figures.words import percent, sizes_differ
from zscope.study.payload import RunPayload

FEWER = "lower the inertia at the same k"
"""What a smaller number of codes does to the curve."""


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
    """

    title: str
    k: NDArray[np.int64]
    share: NDArray[np.float64]
    n: int
    place: int


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
    values = found[1]
    share = np.array(values["inertia"]) / variance[1]["total_variance"]
    return InertiaCurve(title, np.array(values["k"], dtype=np.int64), share, values["n"], place)


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
    return " ".join([says, *ends, *left_out]) + warning


@styled
def draw(data: InertiaData) -> Figure:
    """Draw all curves in one panel."""
    figure = new_figure(2.7)
    axes = figure.subplots()
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
