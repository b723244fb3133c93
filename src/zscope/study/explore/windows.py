"""A window of a plane held against points without structure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final, cast

import numpy as np

from zscope.errors import ParameterError
from zscope.measures.windows import LEAST_POINTS, window_tests
from zscope.measures.words import counted
from zscope.nulls.claims import LEVEL
from zscope.study.explore.answer import Answer, Plane, finite
from zscope.study.explore.columns import Column, coordinates
from zscope.study.explore.nulls import Nulls
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import check_plane
from zscope.study.measure import generator
from zscope.typing import FloatArray, Json

DRAWS: Final = 99
"""Simulated windows."""

MOST: Final = 1000
"""Points that are used, so that an answer takes about a second."""


def window(
    opened: Opened,
    columns: Mapping[str, Column],
    nulls: Nulls,
    plane: Plane,
    centre: Sequence[float],
    half: Sequence[float],
    null: tuple[str, int] | None = None,
) -> Answer:
    """Say of the pattern in a window whether chance makes such ones: `zscope.measures.windows.window_tests`.

    A window that is no square is scaled to one, each axis on its own, before any distance is taken.

    Parameters
    ----------
    opened : Opened
        The codes.
    columns : mapping
        Columns of the points.
    nulls : Nulls
        The null clouds.
    plane : Plane
        What is shown.
    centre : pair of float
        Middle of the window.
    half : pair of float
        Half its width and half its height, above 0.
    null : tuple of cloud and draw, optional
        Take a null's points in place of the codes'.

    Returns
    -------
    Answer
        ``n`` points in the window, ``used`` of them, ``draws``, ``statistics`` by name (``value``, ``null_mean``,
        ``null_sd``, ``p``, and whether it ``differs`` at the level of claims) or None where there are too few points,
        and ``says``.
    """
    middle, reach = np.array(finite("centre", centre, 2)), np.array(finite("half", half, 2))
    if reach.min() <= 0:
        raise ParameterError("half", "be above 0", float(reach.min()))
    check_plane(plane)
    x, y = _shown(opened, columns, nulls, plane, null)
    there = np.isfinite(x) & np.isfinite(y)
    left, up = (x[there] - middle[0]) / reach[0], (y[there] - middle[1]) / reach[1]
    n = int(np.count_nonzero((np.abs(left) <= 1) & (np.abs(up) <= 1)))
    rng = generator(0, "explored window")
    found = window_tests(left, up, (0.0, 0.0), 1.0, rng, draws=DRAWS, most=MOST)
    if found is None:
        says = (
            f"{counted(n, 'point')} in the window: statistics need at least {LEAST_POINTS} distinct ones that do not "
            "lie on a line."
        )
        return Answer({"n": n, "used": 0, "draws": DRAWS, "statistics": None, "says": says})
    statistics = {name: {**asdict(test), "differs": test.p <= LEVEL} for name, test in found.statistics.items()}
    return Answer(
        {
            "n": n,
            "used": found.n,
            "draws": found.draws,
            "statistics": cast(Json, statistics),
            "says": _words(n, found.n, reach[0] == reach[1]),
        }
    )


def _words(n: int, used: int, square: bool) -> str:
    """Say what was held against what: `n` points in the window, of which some were used."""
    part = "" if used == n else f", of which {used:,} distinct ones are used"
    chosen = f" (chosen at random: at most {MOST:,} are)" if used == MOST < n else ""
    scaled = "" if square else " Each axis is scaled by itself, so that the window is a square."
    return (
        f"{counted(n, 'point')} in the window{part}{chosen}, against {DRAWS} windows of independent points with the "
        f"same smooth density.{scaled}"
    )


def _shown(
    opened: Opened, columns: Mapping[str, Column], nulls: Nulls, plane: Plane, null: tuple[str, int] | None
) -> tuple[FloatArray, FloatArray]:
    """Coordinates of what is shown, in double precision: a null's, or the codes'."""
    if null is None:
        x, y = (coordinates(opened, columns, name) for name in (plane.x, plane.y))
    else:
        buffers = nulls.null(*null, (plane.x, plane.y)).buffers
        x, y = buffers[plane.x], buffers[plane.y]
    return x.astype(np.float64), y.astype(np.float64)
