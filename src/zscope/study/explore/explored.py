"""One opened run, or codes without a model: every call of the page is a method here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from zscope.runs.run import Run
from zscope.study.explore import columns as column_calls
from zscope.study.explore import fields, journeys, selections, windows
from zscope.study.explore.answer import Answer, Base, Plane, Rows
from zscope.study.explore.caches import Once, Recent
from zscope.study.explore.columns import Column, columns_of
from zscope.study.explore.draws import Draws
from zscope.study.explore.nulls import Nulls
from zscope.study.explore.opened import Opened
from zscope.study.explore.places import Places, Wanted
from zscope.study.explore.points import Points
from zscope.study.explore.session import about_run
from zscope.typing import JsonDict

_COLUMNS = 24


class Explored:
    """Codes that are explored.

    Parameters
    ----------
    opened : Opened
        The codes, with all that belongs to them.
    label : str, optional
        The label that colours at first; by default the first with 2 to 40 values.
    """

    def __init__(self, opened: Opened, label: str | None = None) -> None:
        self.opened = opened
        self._label = label
        self._values: Recent[Answer] = Recent(_COLUMNS)

    @classmethod
    def of_run(cls, run: Run, device: str = "cpu", label: str | None = None) -> Self:
        """Open a run that has been encoded; see `Opened.of_run`."""
        return cls(Opened.of_run(run, device), label)

    @classmethod
    def of_codes(
        cls,
        path: Path | str,
        labels: Path | None = None,
        images: Path | None = None,
        *,
        label: str | None = None,
        drop_bad: bool = False,
    ) -> Self:
        """Open a file of codes; see `Opened.of_codes`."""
        return cls(Opened.of_codes(path, labels, images, drop_bad=drop_bad), label)

    @Once
    def columns(self) -> dict[str, Column]:
        """Columns of the points, by name."""
        return columns_of(self.opened)

    @Once
    def nulls(self) -> Nulls:
        """Null clouds."""
        return Nulls(self.opened, self.columns)

    @Once
    def places(self) -> Places:
        """Places of planes."""
        return Places(self.opened, self.columns)

    @Once
    def points(self) -> Points:
        """Single codes."""
        return Points(self.opened, self.columns)

    @Once
    def draws(self) -> Draws:
        """Samplers."""
        return Draws(self.opened)

    def about(self, key: str) -> JsonDict:
        """Give what a page must know of this run before it asks for anything; `key` is its id in the session."""
        return about_run(key, self.opened, self.columns, self.nulls, self.places, self.draws, self._label)

    def column(self, name: str) -> Answer:
        """Values of a column; see `zscope.study.explore.columns.column`."""
        return self._values.get(name, lambda: column_calls.column(self.opened, self.columns, name))

    def null(self, cloud: str, draw: int, names: Sequence[str]) -> Answer:
        """Columns of a draw of a null cloud; see `Nulls.null`."""
        return self.nulls.null(cloud, draw, names)

    def lineup(
        self, plane: Plane, cloud: str, window: Sequence[float], panels: int = 20, bins: int = 96, seed: int = 0
    ) -> Answer:
        """Hide the codes' window among those of a null; see `Nulls.lineup`."""
        return self.nulls.lineup(plane, cloud, window, panels, bins, seed)

    def guess(self, id: str, panel: int) -> Answer:
        """Say whether a panel of a lineup is the codes'; see `Nulls.guess`."""
        return self.nulls.guess(id, panel)

    def window(
        self, plane: Plane, centre: Sequence[float], half: Sequence[float], null: tuple[str, int] | None = None
    ) -> Answer:
        """Statistics of a window; see `zscope.study.explore.windows.window`."""
        return windows.window(self.opened, self.columns, self.nulls, plane, centre, half, null)

    def point(self, row: int, neighbours: int = 12) -> Answer:
        """All about a code; see `Points.point`."""
        return self.points.point(row, neighbours)

    def thumbnails(self, rows: Rows, edge: int = 48) -> Answer:
        """Small images of codes; see `Points.thumbnails`."""
        return self.points.thumbnails(rows, edge)

    def decode(
        self,
        base: Base,
        plane: Plane | None = None,
        at: Sequence[Sequence[float]] | None = None,
        shifts: Mapping[str, float] | None = None,
    ) -> Answer:
        """Decode places of a plane, or a base with what sliders add; see `Places.decode`."""
        return self.places.decode(base, plane, at, shifts)

    def decode_together(self, wanted: Sequence[Wanted]) -> list[Answer | Exception]:
        """Decode several requests in one go; see `Places.decode_together`."""
        return self.places.decode_together(wanted)

    def meaning(self, base: Base, plane: Plane, window: Sequence[float], side: int = 16) -> Answer:
        """Share of meaningful images over a window; see `zscope.study.explore.fields.meaning`."""
        return fields.meaning(self.opened, self.places, base, plane, window, side)

    def path(self, start: int, end: int, how: str = "linear", steps: int = 12, plane: Plane | None = None) -> Answer:
        """Find a path between two codes; see `zscope.study.explore.journeys.path`."""
        return journeys.path(self.opened, start, end, how, steps, plane)

    def draw(self, sampler: str, n: int = 64, seed: int = 0, plane: Plane | None = None) -> Answer:
        """Draw codes by a sampler; see `Draws.draw`."""
        return self.draws.draw(sampler, n, seed, plane)

    def compare(self, rows: Rows) -> Answer:
        """Hold a set against the rest; see `zscope.study.explore.selections.compare`."""
        return selections.compare(self.opened, self.columns, rows)

    def export(self, rows: Rows, format: str) -> Answer:
        """Give a set as a file; see `zscope.study.explore.selections.export`."""
        return selections.export(self.opened, rows, format)
