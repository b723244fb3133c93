"""``zscope measure``: every measure on a run's codes, held against its null."""

from pathlib import Path
from typing import Annotated, Any

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Seed
from zscope.errors import ExistsError, ParameterError
from zscope.figures import write_figures
from zscope.runs.measured import write_measures
from zscope.runs.run import Run
from zscope.study.encode import encode
from zscope.study.load import load_study
from zscope.study.measure import measure_run

HEAD = ("format", "version")
"""What the writer of ``measures.json`` adds itself."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("measure")(measure_command)


def measure_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    draws: Annotated[int, typer.Option("--draws", help="Null clouds a test.")] = 99,
    seed: Seed = 0,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures too.")] = True,
    device: Device = "auto",
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure training and held-out codes apart, and write measures.json and figures into the run.

    With --out, figures and a copy of measures.json go there.
    """
    output = Output(quiet=quiet, as_json=as_json)
    if draws < 1:
        raise ParameterError("draws", "be at least 1", draws)
    if out is not None and (out / "measures.json").exists() and not force:
        raise ExistsError(f"{out / 'measures.json'} exists; give --force to replace it, or another --out")
    opened = Run.open(run)
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        measured = measure_run(opened, latents, draws=draws, seed=seed, force=force, progress=bar, log=output.log)
        payload = load_study(opened.name, [opened])
        if figures:
            write_figures(payload.runs[0], (out or run) / "figures")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_measures(out / "measures.json", {key: measured[key] for key in measured if key not in HEAD})
    output.result(measured, *verdict_lines(payload.runs[0].splits), str((out or run) / "measures.json"))


def verdict_lines(splits: dict[str, Any]) -> list[str]:
    """Verdicts as lines of text, one a claim and split."""
    marks = {True: "holds", False: "does not hold", None: "undecided"}
    return [
        f"{name:<9} {verdict['claim']:<18} {_mark(verdict, marks):<13} {verdict['says']}"
        + (f" {verdict['advice']}" if verdict["advice"] else "")
        for name, split in splits.items()
        for verdict in split.verdicts.values()
    ]


def _mark(verdict: dict[str, Any], marks: dict[bool | None, str]) -> str:
    """Say in the report's words what was decided."""
    strength = str(verdict["strength"])
    return strength if strength in ("descriptive", "not testable") else marks[verdict["holds"]]
