"""A lineup: the codes' densest window hidden among those of smooth clouds, with the answer at the caption's end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, measured
from zscope.figures.planes import direction
from zscope.figures.points import mark
from zscope.figures.style import INK, new_figure, styled
from zscope.figures.words import counted
from zscope.study.payload import RunPayload

_COLUMNS = 5
_EDGE = 1.03


@dataclass(frozen=True, eq=False)
class LineupData:
    """Panels that look alike, one of them of codes.

    Attributes
    ----------
    split : str
        Which codes.
    x, y : str
        What the plane is spanned by, in words.
    panels : tuple of (ndarray, ndarray)
        Coordinates in −1 … 1, numbered from 1.
    answer : int
        Number of the panel of the codes.
    """

    split: str
    x: str
    y: str
    panels: tuple[tuple[NDArray[Any], NDArray[Any]], ...]
    answer: int


def prepare(run: RunPayload, split: str = "train") -> LineupData | Missing:
    """Take the panels of a run.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.

    Returns
    -------
    LineupData or Missing
        Missing where there are no planes, or too few codes for a lineup.
    """
    found = measured(run, split, "planes")
    if isinstance(found, Missing):
        return found
    part, values = found
    columns = part.lineup
    if not len(columns.get("panel", ())):
        return Missing(
            f"there is no lineup of the {SPLIT_WORDS.get(split, split)} codes: they are too few, or were measured "
            "before there was one"
        )
    numbers = np.unique(columns["panel"])
    own = np.unique(columns["panel"][columns["codes"]])
    if len(own) != 1:
        return Missing("the lineup does not say which panel is the codes'")
    plane = values["planes"][0]
    return LineupData(
        split,
        direction(plane["x"]),
        direction(plane["y"]),
        tuple((columns["x"][rows], columns["y"][rows]) for rows in (columns["panel"] == number for number in numbers)),
        int(np.searchsorted(numbers, own[0])) + 1,
    )


def caption(data: LineupData) -> str:
    """Say how the panels were made and what a guess is worth; the answer comes last."""
    count = len(data.panels)
    return (
        f"One of these {count} panels shows {SPLIT_WORDS[data.split]} codes, the others Gaussian clouds with the same "
        f"mean and covariance: the plane of {data.x} and {data.y}, each time the square around the densest place, with "
        f"{counted(len(data.panels[0][0]), 'point')}. Chains and holes are in all of them. Whoever sees no difference "
        f"guesses right once in {count} times; and as with any zoom, not to tell the codes apart does not mean that "
        f"they have no structure. Choose before reading on. The codes are panel {data.answer}."
    )


@styled
def draw(data: LineupData) -> Figure:
    """Draw all panels alike, in rows of five."""
    rows = -(-len(data.panels) // _COLUMNS)
    figure = new_figure(0.1 + 2.0 * rows)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in panels.flat[len(data.panels) :]:
        axes.set_axis_off()
    for number, (axes, (x, y)) in enumerate(zip(panels.flat, data.panels, strict=False), start=1):
        size, alpha = mark(len(x))
        axes.scatter(x, y, s=0.7 * size, c=INK, alpha=alpha, linewidths=0, rasterized=True)
        axes.set(xlim=(-_EDGE, _EDGE), ylim=(-_EDGE, _EDGE), xticks=[], yticks=[])
        axes.set_box_aspect(1)
        axes.set_title(str(number), fontsize=8.5, pad=3)
        for side in axes.spines.values():
            side.set_visible(True)
    return figure
