"""Explained variance of the principal components, all runs in one panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, curves_of, measured
from zscope.figures.style import light_grid, log_axis, new_figure, run_colour, run_line, styled
from zscope.figures.words import percent, sizes_differ
from zscope.study.payload import RunPayload

_LEAST_SHOWN = 1e-7

FEWER = "raise the share of the leading components"
"""What a smaller number of codes does to the curve."""


@dataclass(frozen=True, eq=False)
class PcaCurve:
    """Explained variance of one run.

    Attributes
    ----------
    title : str
        The run.
    explained, cumulative : ndarray of shape (m,)
        Share of the variance of each component, and of all up to it.
    needed : int
        Components for 90 % of the variance.
    n, d : int
        Codes, and latent dimensions.
    place : int
        Place of the run.
    """

    title: str
    explained: NDArray[np.float64]
    cumulative: NDArray[np.float64]
    needed: int
    n: int
    d: int
    place: int


@dataclass(frozen=True, eq=False)
class PcaData:
    """Curves of all runs; `left_out` are runs without, and why."""

    curves: tuple[PcaCurve, ...]
    left_out: tuple[tuple[str, str], ...]
    split: str


def prepare(runs: Sequence[RunPayload], split: str = "train") -> PcaData | Missing:
    """Take the explained variance of all runs.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        ``train`` or ``held-out``.

    Returns
    -------
    PcaData or Missing
        Missing where no run has it.
    """
    curves, left_out = curves_of(runs, lambda run, title, place: _curve(run, split, title, place))
    if not curves:
        return Missing(left_out[0][1])
    return PcaData(curves, left_out, split)


def _curve(run: RunPayload, split: str, title: str, place: int) -> PcaCurve | Missing:
    found = measured(run, split, "pca")
    if isinstance(found, Missing):
        return found
    part, values = found
    explained, cumulative = np.array(values["explained"]), np.array(values["cumulative"])
    return PcaCurve(title, explained, cumulative, values["needed"]["90"], part.n, part.d, place)


def caption(data: PcaData) -> str:
    """Say what the first component carries and how many make 90 %."""
    ends = [
        f"{curve.title}: the first component carries {percent(float(curve.explained[0]))} of the variance, "
        f"90 % take {curve.needed} of {curve.d}."
        for curve in data.curves
    ]
    left_out = [f"{title} is left out: {reason}." for title, reason in data.left_out]
    warning = sizes_differ([curve.n for curve in data.curves], FEWER)
    return " ".join([f"Principal components of the {SPLIT_WORDS[data.split]} codes.", *ends, *left_out]) + warning


@styled
def draw(data: PcaData) -> Figure:
    """Draw the share of each component, and of all up to it."""
    figure = new_figure(2.8)
    left, right = figure.subplots(1, 2)
    longest = max(len(curve.explained) for curve in data.curves)
    for curve in data.curves:
        components = np.arange(1, len(curve.explained) + 1)
        look = {
            "color": run_colour(curve.place),
            "linestyle": run_line(curve.place),
            "marker": "o" if longest <= 40 else "",
            "markersize": 3,
            "markeredgewidth": 0,
        }
        shown = np.where(curve.explained >= _LEAST_SHOWN, curve.explained, np.nan)
        left.plot(components, shown, label=curve.title, **look)
        right.plot(components, curve.cumulative, **look)
        right.plot(
            [curve.needed] * 2, [0, curve.cumulative[curve.needed - 1]], color=run_colour(curve.place), linewidth=0.7
        )
    log_axis(left, "y")
    left.set_ylabel("share of the variance")
    right.set_ylabel("cumulative share")
    right.set_ylim(0, 1.03)
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}".replace("%", " %")))
    for axes in (left, right):
        axes.set_xlabel("component")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        light_grid(axes)
    figure.legend(loc="outside upper left", ncols=min(len(data.curves), 4))
    return figure
