"""Tables of words for the terminal: wrapped to its width, so that sentences can be read in them."""

import io
import shutil
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

LEAST_WIDTH, MOST_WIDTH = 60, 120
"""Characters of a line: the terminal's, within these bounds."""


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> list[str]:
    """Lay out a table whose last column is wrapped.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Cells; one may hold several lines.
    title : str
        Stands above.

    Returns
    -------
    list of str
        Lines without trailing blanks; with colours where standard output is a terminal.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
    for place, name in enumerate(head):
        last = place == len(head) - 1
        table.add_column(name, no_wrap=not last, ratio=1 if last else None, style="bold" if place == 1 else None)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row), end_section=True)
    stream = io.StringIO()
    width = min(max(shutil.get_terminal_size((100, 24)).columns, LEAST_WIDTH), MOST_WIDTH)
    console = Console(file=stream, width=width, force_terminal=sys.stdout.isatty(), highlight=False)
    if title:
        console.print(Text(title, "bold"))
    console.print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]
