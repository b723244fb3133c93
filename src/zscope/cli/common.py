"""What all commands share: options, where lines and results go, and the progress bar."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from zscope.data import ImagePolicy, prepare
from zscope.data.preparation import DEFAULT_HELD_OUT
from zscope.runs.store import ImageStore

Out = Annotated[Path | None, typer.Option("--out", help="Folder to write to (a file for pictures).")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but the result and errors.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Size = Annotated[str | None, typer.Option("--size", help="Bring images to this size: 96, or 96x64 (height x width).")]
Crop = Annotated[str | None, typer.Option("--crop", help="centre, none, or box:LEFT,TOP,RIGHT,BOTTOM.")]
Grey = Annotated[bool, typer.Option("--grey", help="Turn colours to grey levels.")]
HeldOut = Annotated[float, typer.Option("--held-out", help="Share held out where the source has no split.")]
Stores = Annotated[Path, typer.Option("--stores", help="Folder of the image stores.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]


@dataclass
class Output:
    """Where a command's lines, bars and results go: people on standard error, results on standard output."""

    quiet: bool = False
    as_json: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def log(self, line: str) -> None:
        """Show a line to people."""
        if not self.quiet:
            self.console.print(line, markup=False, soft_wrap=True)

    def result(self, payload: Mapping[str, Any], *lines: str) -> None:
        """Print the result: one JSON object with ``--json``, else lines."""
        if self.as_json:
            sys.stdout.write(json.dumps(payload, ensure_ascii=False, allow_nan=False) + "\n")
        else:
            for line in lines:
                sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def bar(self) -> "Bar":
        """Make a progress bar, hidden where nobody watches."""
        return Bar(self)


class Bar:
    """A progress bar that is a `zscope.typing.Progress`; one line a task, drawn on a terminal only."""

    def __init__(self, output: Output) -> None:
        self._rich = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=output.console,
            transient=True,
            disable=output.quiet or not output.console.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._next = 0.0

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rich.stop()

    def __call__(self, what: str, done: int, total: int, /, **figures: float | str) -> None:
        """Move the bar; a new kind of work starts a new one."""
        kind = what.partition(" ")[0]
        now = time.monotonic()
        if self._task is None or kind != self._what:
            if self._task is not None:
                self._rich.remove_task(self._task)
            self._task = self._rich.add_task(what, total=total, figures="")
            self._what = kind
        elif now < self._next and done < total:
            return
        self._next = now + 0.1
        shown = " ".join(
            f"{name.replace('_per_second', '/s')} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in figures.items()
        )
        self._rich.update(self._task, description=what, completed=done, total=total, figures=shown)


def prepared(
    output: Output,
    source: str,
    *,
    stores: Path,
    size: str | None = None,
    crop: str | None = None,
    grey: bool = False,
    held_out: float = DEFAULT_HELD_OUT,
) -> ImageStore:
    """Prepare a source's images, with a bar, or open the store that holds them already."""
    policy = ImagePolicy.parse(size=size, crop=crop, grey=grey)
    with output.bar() as bar:
        return prepare(source, root=stores, policy=policy, held_out=held_out, progress=bar, log=output.log)
