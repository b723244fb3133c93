"""What calls take and give: planes, bases, answers, and the checks that they share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zscope.errors import ParameterError
from zscope.typing import Json, JsonDict

Rows = Sequence[int] | NDArray[Any]
"""Rows of the points, in any order."""

LIMITS: Final[dict[str, int]] = {"thumbnails": 400, "places": 256, "draws": 256, "lineup_panels": 20, "side": 32}
"""The most that one call gives: small images, decoded places, drawn codes, panels, and cells along a field's side."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a call gives.

    Attributes
    ----------
    data : dict
        Plain JSON, without NaN or infinities.
    buffers : dict of str to ndarray
        float32, float64, int32, uint32 or uint8.
    """

    data: JsonDict
    buffers: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Base:
    """The code whose coordinates hold wherever a plane or a slider gives none.

    Attributes
    ----------
    kind : {"mean", "row", "code"}
        The mean of the training codes, the code of a row, or a code that is given.
    row : int or None
        Of the kind ``row``.
    code : tuple of float or None
        Of the kind ``code``: d numbers, in latent units.
    """

    kind: str = "mean"
    row: int | None = None
    code: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Plane:
    """Two columns that are shown against each other.

    Attributes
    ----------
    x, y : str
        Names: ``axisI`` (raw axis from 0), ``pcI`` (component from 1), or a column of the points.
    """

    x: str
    y: str


def within(name: str, value: int, least: int, most: int) -> int:
    """Check a whole number; `ParameterError` says between which bounds it must be."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ParameterError(name, f"be a whole number from {least} to {most:,}", value)
    return int(value)


def finite(name: str, values: Sequence[float], count: int) -> tuple[float, ...]:
    """Check that there are `count` finite numbers, and give them."""
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count:
        raise ParameterError(name, f"be {count} numbers", len(numbers))
    wrong = [number for number in numbers if not math.isfinite(number)]
    if wrong:
        raise ParameterError(name, "be finite", wrong[0])
    return numbers


def checked_window(window: Sequence[float]) -> tuple[float, float, float, float]:
    """Check a window x0, x1, y0, y1: finite, and x0 < x1, y0 < y1."""
    x0, x1, y0, y1 = finite("window", window, 4)
    if not (x0 < x1 and y0 < y1):
        raise ParameterError("window", "be x0 < x1, y0 < y1", str([x0, x1, y0, y1]))
    return x0, x1, y0, y1


def checked_rows(rows: Rows, n: int) -> NDArray[np.int64]:
    """Check rows of codes, at least one, each from 0 to n − 1."""
    try:
        found = np.asarray(rows)
    except (ValueError, OverflowError):
        raise ParameterError("rows", "be whole numbers", str(rows)[:80]) from None
    if found.ndim != 1 or not len(found):
        raise ParameterError("rows", "name at least one code", "none")
    if found.dtype.kind not in "iu":
        raise ParameterError("rows", "be whole numbers", str(found.dtype))
    wrong = found[(found < 0) | (found >= n)]
    if len(wrong):
        raise ParameterError("rows", f"be from 0 to {n - 1:,}", int(wrong[0]))
    return found.astype(np.int64)


def number_or_none(value: Any) -> float | None:
    """Give a number as JSON holds it: None in place of NaN and infinities."""
    number = float(value)
    return number if math.isfinite(number) else None


def plain(value: Any) -> Json:
    """Give a label as JSON holds it: truth values, whole numbers, finite numbers, None, and all else as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return number_or_none(value) if isinstance(value, float) else str(value)
