"""What the page is built of: numbered figures, grids of images, tables, and lines that say what is left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from zscope.figures.base import Missing
from zscope.figures.samples import SamplesData
from zscope.figures.samples import caption as samples_caption
from zscope.report.images import LARGEST_LOSSLESS, strip_uri
from zscope.report.svg import inline


@dataclass(frozen=True)
class Plot:
    """A numbered figure drawn by matplotlib."""

    number: int
    name: str
    title: str
    caption: str
    svg: Markup
    kind: str = "plot"


@dataclass(frozen=True)
class Strip:
    """Images of one row and run; `width` is its share of the column in percent."""

    uri: str
    alt: str
    width: float


@dataclass(frozen=True)
class GridRow:
    """One row of a grid of images; an entry is None where a run has no such images."""

    label: str
    keeps: str
    real: bool
    strips: tuple[Strip | None, ...]


@dataclass(frozen=True)
class Grid:
    """A numbered figure of images; `places` are the runs' places, for their colours."""

    number: int
    title: str
    caption: str
    titles: tuple[str, ...]
    places: tuple[int, ...]
    rows: tuple[GridRow, ...]
    crisp: bool
    kind: str = "grid"


@dataclass(frozen=True)
class Note:
    """A figure that is left out, and why."""

    title: str
    reason: str
    kind: str = "note"


@dataclass(frozen=True)
class Table:
    """A table of words and numbers, ready to print.

    Attributes
    ----------
    title, note : str
        Above and below.
    head : tuple of str
        Names of the columns.
    rows : tuple of tuple of str
        Cells.
    numeric : tuple of bool
        Columns that are aligned to the right.
    groups : tuple of (str, int)
        What stands above the names of so many columns; empty: nothing.
    marked : frozenset of (int, int)
        Row and column of cells that are bold.
    folded : bool
        Shown only when it is asked for.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    note: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    marked: frozenset[tuple[int, int]] = frozenset()
    folded: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class Zoom:
    """Points of a run that the page can zoom into.

    Attributes
    ----------
    anchor : str
        Of the data in the page.
    title : str
        Of the run.
    says : str
        What there is to see.
    envelope : str
        Session and columns in base64.
    """

    anchor: str
    title: str
    says: str
    envelope: str
    kind: str = "zoom"


Block = Plot | Grid | Note | Table | Zoom


def unbroken(label: str) -> str:
    """Keep what stands in square brackets on one line."""
    return re.sub(r"\[[^]]*\]", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), label)


@dataclass
class Numbering:
    """Gives figures their numbers in the order in which they are asked for, and remembers them.

    Attributes
    ----------
    numbers : dict of (str or None, str) to int
        By run (None for the study) and name of the figure; the first part of a figure that has several.
    """

    numbers: dict[tuple[str | None, str], int] = field(default_factory=dict)
    last: int = 0

    def next(self, run: str | None, name: str) -> int:
        """Give the next number to a figure."""
        self.last += 1
        self.numbers.setdefault((run, name), self.last)
        return self.last

    def plot(
        self,
        run: str | None,
        name: str,
        title: str,
        data: Any,
        draw: Callable[[Any], Figure],
        caption: Callable[[Any], str],
    ) -> Plot | Note:
        """Draw a figure, or say why it is left out."""
        if isinstance(data, Missing):
            return Note(title, data.reason)
        number = self.next(run, name)
        return Plot(number, name, title, caption(data), inline(draw(data), f"f{number}", title))

    def grid(
        self, run: str | None, name: str, title: str, data: SamplesData | Missing, places: Sequence[int]
    ) -> Grid | Note:
        """Lay out a figure of images, or say why it is left out."""
        if isinstance(data, Missing):
            return Note(title, data.reason)
        height = next(images.shape[1] for row in data.rows for images in row.images if images is not None)
        rows = tuple(
            GridRow(
                unbroken(row.label),
                row.keeps,
                row.key in ("originals", "reconstructions"),
                tuple(
                    None
                    if images is None
                    else Strip(
                        strip_uri(images), f"{row.label}, {run_title}: {len(images)} images", 100 * len(images) / data.n
                    )
                    for images, run_title in zip(row.images, data.titles, strict=True)
                ),
            )
            for row in data.rows
        )
        return Grid(
            self.next(run, name),
            title,
            samples_caption(data),
            data.titles,
            tuple(places),
            rows,
            height <= LARGEST_LOSSLESS,
        )
