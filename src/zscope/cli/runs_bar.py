"""Progress of several runs at a time: one line a run."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from zscope.cli.common import Output
from zscope.study.parallel import ENDED
from zscope.typing import Progress as Told

MOST_FIGURES = 1
"""Figures beside a bar: a line is shared with the name of the run and what it is at."""


class RunsBar:
    """One line for every run at work, drawn on a terminal only; a line goes when another run takes its place.

    Parameters
    ----------
    output : Output
        Where it is drawn.
    """

    def __init__(self, output: Output) -> None:
        self._rich = Progress(
            TextColumn("{task.fields[run]}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=output.console,
            transient=True,
            disable=output.quiet or not output.console.is_terminal,
        )
        self._started = False
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rich.stop()

    def line(self, run: str) -> Told:
        """Give the progress of a run; its line goes when it has ended."""

        def told(what: str, done: int, total: int, /, **figures: float | str) -> None:
            if what == ENDED:
                if run in self._tasks:
                    self._rich.remove_task(self._tasks.pop(run))
                return
            if run not in self._tasks:
                self._rich.start()
                self._tasks[run] = self._rich.add_task(what, total=total, run=run, figures="")
            shown = " ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in list(figures.items())[:MOST_FIGURES]
            )
            self._rich.update(self._tasks[run], description=what, completed=done, total=total, figures=shown)

        return told
