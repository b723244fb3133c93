"""Where in a plane codes are meaningful: a coarse grid of places, each decoded and judged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError
from zscope.study.explore.answer import LIMITS, Answer, Base, Plane, checked_window, within
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import Places, as_stored

_LEAST_SIDE = 3


def meaning(
    opened: Opened, places: Places, base: Base, plane: Plane, window: Sequence[float], side: int = 16
) -> Answer:
    """Share of meaningful images around each cell of a window.

    The code in the middle of each cell is decoded, and the judge says of the image whether it is meaningful: as near to
    a training image as 95 % of held-out real images are. The share of a cell is the mean over it and the cells around.

    Parameters
    ----------
    opened : Opened
        The codes.
    places : Places
        Finds the codes.
    base : Base
        Gives what the plane leaves open.
    plane : Plane
        The plane.
    window : sequence of four float
        x0, x1, y0, y1.
    side : int
        Cells along either side, 3 to 32.

    Returns
    -------
    Answer
        ``says``, ``side``, ``how``; ``share`` (side, side), float32 in 0 … 1, row 0 the lowest y.

    Raises
    ------
    CodesError
        There is no model, or no judge has been made.
    """
    x0, x1, y0, y1 = checked_window(window)
    side = within("side", side, _LEAST_SIDE, LIMITS["side"])
    middles = (np.arange(side) + 0.5) / side
    u, v = np.meshgrid(x0 + (x1 - x0) * middles, y0 + (y1 - y0) * middles)
    at = np.stack([u.ravel(), v.ravel()], axis=1).tolist()
    placed = places.placed(base, plane, at, most=side * side)
    if opened.model is None:
        raise CodesError(opened.why_no_model)
    if opened.judge is None:
        raise CodesError("there is no judge of these images: zscope sample RUN --ladder makes one")
    meaningful = opened.judge.meaningful(opened.decode(as_stored(placed.codes))).reshape(side, side)
    says = (
        f"{side * side:,} codes were decoded, one in the middle of each of {side} × {side} cells, and "
        f"{int(meaningful.sum()):,} of them are meaningful by the judge; the colour is the share over a cell and the "
        f"cells around it. {placed.says}"
    )
    return Answer({"says": says, "side": side, "how": placed.how}, {"share": around(meaningful).astype(np.float32)})


def around(values: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over each cell and the up to eight around it; beyond the border there are none.

    Parameters
    ----------
    values : ndarray of shape (m, n), bool
        A grid.

    Returns
    -------
    ndarray of shape (m, n), float64
        In 0 … 1.
    """
    sums, cells = (np.pad(part.astype(np.float64), 1) for part in (values, np.ones(values.shape)))
    shifts = [(down, right) for down in range(3) for right in range(3)]
    height, width = values.shape
    total, count = (
        sum(part[down : down + height, right : right + width] for down, right in shifts) for part in (sums, cells)
    )
    return np.asarray(total / count)
