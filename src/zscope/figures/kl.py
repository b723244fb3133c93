"""KL of the posteriors from the prior along each axis, sorted, all runs in one panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, curves_of, measured
from zscope.figures.style import INK, QUIET, light_grid, log_axis, new_figure, run_colour, run_line, styled
from zscope.figures.words import number
from zscope.measures.activity import ActivityMeasure
from zscope.study.payload import RunPayload

THRESHOLD = ActivityMeasure.least_kl
"""KL above which an axis can count as active, in nats."""

_DECADES = 30.0


@dataclass(frozen=True, eq=False)
class KlCurve:
    """KL per axis of one run.

    Attributes
    ----------
    title : str
        The run.
    nats : ndarray of shape (d,)
        Falling; mean over the codes.
    total : float
        Their sum.
    above : int
        Axes above `THRESHOLD`.
    place : int
        Place of the run.
    """

    title: str
    nats: NDArray[np.float64]
    total: float
    above: int
    place: int


@dataclass(frozen=True, eq=False)
class KlData:
    """Curves of all runs that have a KL; `left_out` are the others, and why."""

    curves: tuple[KlCurve, ...]
    left_out: tuple[tuple[str, str], ...]
    split: str


def prepare(runs: Sequence[RunPayload], split: str = "train") -> KlData | Missing:
    """Take the KL per axis of all runs that have one.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        ``train`` or ``held-out``.

    Returns
    -------
    KlData or Missing
        Missing where no run has one.
    """
    curves, left_out = curves_of(runs, lambda run, title, place: _curve(run, split, title, place))
    if not curves:
        return Missing(left_out[0][1])
    return KlData(curves, left_out, split)


def _curve(run: RunPayload, split: str, title: str, place: int) -> KlCurve | Missing:
    found = measured(run, split, "kl")
    if isinstance(found, Missing):
        return found
    given = np.array(found[1]["per_axis"], dtype=np.float64)
    nats = np.sort(given[np.isfinite(given)])[::-1]
    if len(nats) < len(given):
        return Missing(f"the KL of {len(given) - len(nats)} axes is not finite")
    return KlCurve(title, nats, float(nats.sum()), int((nats > THRESHOLD).sum()), place)


def caption(data: KlData) -> str:
    """Say how many axes are above the threshold and what they add up to."""
    ends = [
        f"{curve.title}: {curve.above} of {len(curve.nats)} axes above {THRESHOLD:g} nats, "
        f"from {number(float(curve.nats[0]))} down to {number(float(curve.nats[-1]))}, {number(curve.total, 4)} in all."
        for curve in data.curves
    ]
    left_out = [f"{title} is left out: {reason}." for title, reason in data.left_out]
    says = (
        f"KL of the posteriors of the {SPLIT_WORDS[data.split]} images from the prior N(0, 1), axis by axis, "
        "largest first."
    )
    return " ".join([says, *ends, *left_out])


@styled
def draw(data: KlData) -> Figure:
    """Draw the steps and the threshold."""
    figure = new_figure(2.7)
    axes = figure.subplots()
    for curve in data.curves:
        axes.stairs(
            curve.nats,
            np.arange(len(curve.nats) + 1) + 0.5,
            color=run_colour(curve.place),
            linestyle=run_line(curve.place),
            linewidth=1.7,
            label=curve.title,
            baseline=None,
        )
    smallest = min(float(curve.nats[-1]) for curve in data.curves)
    largest = max(float(curve.nats[0]) for curve in data.curves)
    if largest > 0 and largest / max(smallest, 1e-12) > _DECADES:
        axes.set_ylim(max(smallest, largest * 1e-7) / 1.6, largest * 1.8)
        log_axis(axes, "y")
    else:
        axes.set_ylim(0, largest * 1.08 or 1.0)
    low, high = axes.get_ylim()
    if low < THRESHOLD < high and (axes.get_yscale() == "log" or 0.03 * high < THRESHOLD):
        axes.axhline(THRESHOLD, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.annotate(
            f"{THRESHOLD:g} nats",
            (1, THRESHOLD),
            xycoords=axes.get_yaxis_transform(),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=QUIET,
        )
    axes.set_xlabel("axis, sorted by its KL")
    axes.set_ylabel("KL in nats")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    light_grid(axes)
    figure.legend(loc="outside upper left", ncols=min(len(data.curves), 4))
    return figure
