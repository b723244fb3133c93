"""Null clouds beside the codes: their columns, and the codes' window hidden among theirs."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zscope.clouds import CovarianceCloud, cloud
from zscope.clouds.base import Cloud
from zscope.errors import FormatError, ParameterError
from zscope.measures.words import counted
from zscope.runs.measured import read_null_points
from zscope.study.explore.answer import LIMITS, Answer, Plane, checked_window, within
from zscope.study.explore.caches import Recent
from zscope.study.explore.columns import (
    OTHER_MAP,
    Column,
    coordinates,
    coordinates_of_any,
    is_map,
    linear_of,
)
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import check_plane
from zscope.study.measure import generator
from zscope.typing import CodeArray, FloatArray, JsonDict

NULLS: Final = ("covariance", "elliptical", "copula", "permuted", "normal")
"""Clouds that stand beside the codes, the most usual first."""

NEED_POINTS: Final = ("covariance", "elliptical", "copula")
"""Those of which a draw must have more points than dimensions."""

_MOST_DRAW = 999
_MOST_LINEUPS = 50
_BINS = (8, 200)


@dataclass
class _Lineup:
    """A lineup that was shown: where the codes are, of how many panels, and of which window of which plane."""

    own: int
    panels: int
    about: Hashable


class Nulls:
    """The null clouds of some codes.

    Clouds are fitted to all codes that are shown, of every split, and drawn so that what a cloud keeps the draw has
    exactly (`zscope.clouds.Cloud.draw_matched`).

    Parameters
    ----------
    opened : Opened
        The codes.
    columns : mapping
        Columns of the points.
    """

    def __init__(self, opened: Opened, columns: Mapping[str, Column]) -> None:
        self.opened = opened
        self.columns = columns
        self._fitted: Recent[Cloud] = Recent(2)
        self._draws: Recent[CodeArray] = Recent(2)
        self._lineups: OrderedDict[str, _Lineup] = OrderedDict()
        self._told: set[Hashable] = set()
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The clouds that can be drawn beside these codes."""
        enough = self.opened.n > self.opened.d
        return [name for name in NULLS if enough or name not in NEED_POINTS]

    def null(self, name: str, draw: int, names: Sequence[str]) -> Answer:
        """Give columns of one draw of a null cloud.

        Parameters
        ----------
        name : str
            The cloud, one of `names`.
        draw : int
            Number of the draw, from 0; the same number is the same cloud in every call.
        names : sequence of str
            Raw axes, components, ``radius``, or a coordinate of a map for which a null's map is stored.

        Returns
        -------
        Answer
            ``says``; a buffer (N,) for each name.
        """
        within("draw", draw, 0, _MOST_DRAW)
        self._check(name)
        mapped = [one for one in names if is_map(one)]
        if mapped and len(mapped) < len(names):
            raise ParameterError("names", "be all of one map, or none of a map", ", ".join(names))
        if mapped:
            return self._stored_map(name, draw, mapped)
        buffers = {one: self.values(name, draw, one) for one in names}
        return Answer({"says": self.says(name, draw)}, dict(buffers))

    def says(self, name: str, draw: int) -> str:
        """Say what a draw is."""
        return (
            f"Draw {draw} of the null {name}, which keeps {cloud(name).keeps}, and nothing else of all "
            f"{counted(self.opened.n, 'code')}."
        )

    def values(self, name: str, draw: int, column: str) -> NDArray[np.float64] | NDArray[np.float32]:
        """Values (N,) of a column of a draw; of a raw axis in float32, as those of the codes."""
        self._check(name)
        self._check_column(column)
        drawn = self.draw(name, draw)
        found = coordinates_of_any(self.opened, column, drawn)
        assert found is not None
        return found.astype(np.float32) if column.startswith("axis") else found

    def draw(self, name: str, draw: int) -> CodeArray:
        """Draw number `draw` of a cloud, (N, d): as many points as there are codes."""
        return self._draws.get(
            (name, draw),
            lambda: self._cloud(name).draw_matched(self.opened.n, generator(draw, "explored null", name)),
        )

    def _cloud(self, name: str) -> Cloud:
        return self._fitted.get(name, lambda: cloud(name).fit(self.opened.codes))

    def _check(self, name: str) -> None:
        if name not in self.names:
            more = "" if self.opened.n > self.opened.d else "; the others need more codes than dimensions"
            raise ParameterError("cloud", f"be one of {', '.join(self.names)}{more}", name)

    def _check_column(self, column: str) -> None:
        """Refuse columns that only stored codes have."""
        if column == "radius" or linear_of(self.opened, column) is not None:
            return
        must = f"be axes, components or radius (of {column} a null has nothing)"
        if column not in self.columns:
            must = "be axes, components or radius"
        raise ParameterError("column", must, column)

    def _stored_map(self, name: str, draw: int, names: Sequence[str]) -> Answer:
        """Give the null's map that ``zscope measure --maps`` made; its points stand in the rows of the mapped split."""
        buffers = {}
        for one in names:
            found = self.stored_map(one)
            if found is None or name != "covariance" or draw != 0:
                must = "be draw 0 of covariance for a map of which a null's map is stored (zscope measure --maps)"
                raise ParameterError("cloud", must, f"draw {draw} of {name} for {one}")
            buffers[one] = found
        says = (
            "The map of one draw of the null covariance, which keeps mean and covariance of the mapped codes: a cloud "
            "without any group, mapped in the same way."
        )
        return Answer({"says": says}, dict(buffers))

    def stored_map(self, name: str) -> NDArray[np.float32] | None:
        """Coordinates (N,) of a stored null map, NaN in rows of another split; None where there is none."""
        other = name.startswith(OTHER_MAP)
        splits = self.opened.splits
        split = "held-out" if other else ("train" if "train" in splits else str(splits[0]))
        rows = np.flatnonzero(splits == split)
        try:
            stored = read_null_points(self.opened.null_points_file(split))
        except FormatError:
            return None
        found = stored.get(name.removeprefix(OTHER_MAP))
        if found is None or len(found) != len(rows):
            return None
        values = np.full(self.opened.n, np.nan, np.float32)
        values[rows] = found
        return values

    def lineup(
        self, plane: Plane, name: str, window: Sequence[float], panels: int = 20, bins: int = 96, seed: int = 0
    ) -> Answer:
        """Hide the codes' window among the same window of null draws (Buja et al. 2009).

        Which panel is the codes' is drawn by a generator that nobody else has, and not told before a guess.

        Parameters
        ----------
        plane : Plane
            Two of raw axes, components and ``radius``.
        name : str
            The null cloud.
        window : sequence of four float
            x0, x1, y0, y1.
        panels : int
            Panels in all, 2 to 20.
        bins : int
            Cells along a side of a panel, 8 to 200.
        seed : int
            Of the null draws.

        Returns
        -------
        Answer
            ``id``, ``panels``, ``bins``, ``counts`` (points in each panel's window), ``says``; the buffer ``counts``
            (panels, bins, bins), uint32: of the panel, of y from low to high, of x from left to right.
        """
        edges = checked_window(window)
        panels, bins = within("panels", panels, 2, LIMITS["lineup_panels"]), within("bins", bins, *_BINS)
        within("seed", seed, 0, 2**31 - 1)
        check_plane(plane)
        self._check(name)
        for column in (plane.x, plane.y):
            self._check_column(column)
        shown = [coordinates(self.opened, self.columns, column) for column in (plane.x, plane.y)]
        own = secrets.randbelow(panels)
        counts = np.empty((panels, bins, bins), np.uint32)
        rngs = iter(generator(seed, "lineup", name, plane.x, plane.y).spawn(panels - 1))
        for panel in range(panels):
            x, y = shown if panel == own else self._null_plane(name, plane, next(rngs))
            counts[panel] = window_counts(x, y, edges, bins)
        key = secrets.token_hex(8)
        with self._lock:
            self._lineups[key] = _Lineup(own, panels, (plane, tuple(window), name))
            while len(self._lineups) > _MOST_LINEUPS:
                self._lineups.popitem(last=False)
        says = (
            f"One of {panels} panels is the codes'; the others are draws of the null {name}, which keeps "
            f"{cloud(name).keeps}. All show the same window. Who guesses at random is right once in {panels} times. "
            "It is a test only for eyes that have not seen this plane before."
        )
        data: JsonDict = {
            "id": key,
            "panels": panels,
            "bins": bins,
            "counts": [int(count) for count in counts.sum(axis=(1, 2))],
            "says": says,
        }
        return Answer(data, {"counts": counts})

    def _null_plane(self, name: str, plane: Plane, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Coordinates of one null draw in a plane."""
        linear = [linear_of(self.opened, column) for column in (plane.x, plane.y)]
        if name == "covariance" and None not in linear:
            # A covariance draw in d dimensions is distributed in the plane as one drawn there, without d columns of N.
            fitted = self._fitted.get((name, plane), lambda: CovarianceCloud().fit(self._table(plane)))
            drawn = fitted.draw_matched(self.opened.n, rng)
            return drawn[:, 0], drawn[:, 1]
        codes = self._cloud(name).draw_matched(self.opened.n, rng)
        x, y = (coordinates_of_any(self.opened, column, codes) for column in (plane.x, plane.y))
        assert x is not None
        assert y is not None
        return x, y

    def _table(self, plane: Plane) -> NDArray[np.float64]:
        return np.stack(
            [coordinates(self.opened, self.columns, name).astype(np.float64) for name in (plane.x, plane.y)], axis=1
        )

    def guess(self, key: str, panel: int) -> Answer:
        """Say whether a panel is the codes'; only the first guess about a window of a plane counts.

        Returns
        -------
        Answer
            ``right``, ``panel`` (the codes' own, from 0), ``chance`` of guessing right, ``counted``, ``says``.

        Raises
        ------
        ParameterError
            There is no such lineup (any more), or no such panel.
        """
        with self._lock:
            lineup = self._lineups.get(key)
            if lineup is None:
                raise ParameterError("id", f"be that of one of the last {_MOST_LINEUPS} lineups", key)
            within("panel", panel, 0, lineup.panels - 1)
            counted_now = lineup.about not in self._told
            self._told.add(lineup.about)
        right = panel == lineup.own
        says = f"{'Right' if right else 'No'}: the codes are in panel {lineup.own + 1} of {lineup.panels}. "
        says += (
            f"A guess at random is right with a chance of 1 in {lineup.panels}."
            if counted_now
            else "What the codes look like here was told before, so this guess does not count."
        )
        return Answer(
            {
                "right": right,
                "panel": lineup.own,
                "chance": 1 / lineup.panels,
                "counted": counted_now,
                "says": says,
            }
        )


def window_counts(
    x: FloatArray,
    y: FloatArray,
    window: tuple[float, float, float, float],
    bins: int,
) -> NDArray[np.uint32]:
    """Count points in the cells of a window; its border belongs to it.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
        Coordinates.
    window : tuple of four float
        x0, x1, y0, y1.
    bins : int
        Cells along either side.

    Returns
    -------
    ndarray of shape (bins, bins), uint32
        Row 0 holds the lowest y, column 0 the lowest x.
    """
    x0, x1, y0, y1 = window
    inside = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    columns = np.minimum(((x[inside] - x0) / (x1 - x0) * bins).astype(np.int64), bins - 1)
    rows = np.minimum(((y[inside] - y0) / (y1 - y0) * bins).astype(np.int64), bins - 1)
    return np.bincount(rows * bins + columns, minlength=bins * bins).reshape(bins, bins).astype(np.uint32)
