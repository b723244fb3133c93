"""How figures look: one set of fonts, sizes and colours, readable on white and on black."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from zscope.figures.words import number, power_of_ten

WIDTH = 10.0
"""Width of every figure in inches."""

INK = "#71767d"
QUIET = "#8a8f96"
RULE = "#b6bac0"
BAND = "#a9adb4"
PAPER = "#fbfbfa"
NULL = "#868b93"

RUN_COLOURS = ("#3a7ad9", "#d8720f", "#119a74", "#b0529b", "#229fc6", "#8d8a1e", "#cf4a5c", "#7c68cf")
"""One a run, in order; the first four are distinct under the common colour-vision deficiencies."""

CLASS_COLOURS = (
    "#5c94ee", "#fa714b", "#06694b", "#e60f62", "#5a49c7", "#f3ab95",
    "#ab4fa0", "#636c07", "#16d5ee", "#c8be02", "#6080a4", "#70c04b",
)  # fmt: skip
"""One a class of labels; the first ten, the explorer's too, stay apart under the common colour-vision deficiencies."""

THEMED: dict[str, str] = {
    INK: "ink",
    QUIET: "quiet",
    RULE: "rule",
    BAND: "band",
    PAPER: "paper",
    NULL: "null",
    **{colour: f"run-{place}" for place, colour in enumerate(RUN_COLOURS, start=1)},
}
"""Colours that a page may replace by its own, with the name of each. No other colour of a figure equals one of them."""

_SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.titlecolor": INK,
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": INK,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "figure.facecolor": "none",
    "figure.edgecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
    "svg.fonttype": "none",
    "svg.image_inline": True,
}

Parameters = ParamSpec("Parameters")


@contextmanager
def style(salt: str = "zscope") -> Iterator[None]:
    """Draw and save in the style of the figures.

    Parameters
    ----------
    salt : str
        Makes the names inside an SVG file repeatable; a different one for each figure of a page.
    """
    settings: Any = {**_SETTINGS, "svg.hashsalt": salt}
    with mpl.rc_context(settings):
        yield


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Make a drawing function draw in the style of the figures."""

    @wraps(draw)
    def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make an empty figure that lays itself out.

    Parameters
    ----------
    height, width : float
        In inches.

    Returns
    -------
    Figure
        Transparent, belonging to no window.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.08, h_pad=0.06, wspace=0.04, hspace=0.04)  # type: ignore[call-arg]
    return figure


def run_colour(place: int) -> str:
    """Colour of a run by its place among the runs, from 0; after eight they begin again."""
    return RUN_COLOURS[place % len(RUN_COLOURS)]


def run_line(place: int) -> str:
    """Line style of a run by its place: solid for the first eight, then dashed and dotted, so that none is the same."""
    return ("-", "--", ":", "-.")[place // len(RUN_COLOURS) % 4]


def log_axis(axes: Axes, which: str) -> None:
    """Make an axis logarithmic, with powers of ten in words that need no mathematical font.

    Parameters
    ----------
    axes : Axes
        The panel.
    which : {"x", "y"}
        The axis.
    """
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    set_scale("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(FuncFormatter(_power_label))
    axis.set_minor_formatter(NullFormatter())
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    if high / low < 30:
        # Less than two powers of ten on the axis: one label would not make a scale.
        steps = (1.0, 2.0, 5.0) if high / low > 8 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
        axis.set_major_locator(LogLocator(subs=steps, numticks=12))


def thousands(axes: Axes, which: str) -> None:
    """Label an axis with numbers in which thousands are separated."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 4) if value else "0"))


def light_grid(axes: Axes, which: str = "y") -> None:
    """Draw faint lines across a panel, behind everything."""
    axes.grid(axis=which, color=RULE, linewidth=0.5, alpha=0.45)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def _power_label(value: float, _: int | None = None) -> str:
    if value <= 0:
        return ""
    exponent = round(math.log10(value))
    return power_of_ten(exponent) if abs(math.log10(value) - exponent) < 1e-9 else number(value, 2)
