"""``zscope study``: train, encode, measure, sample and compare every run of a study file."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Stores, prepared
from zscope.cli.runs_bar import RunsBar
from zscope.cli.tables import text_table
from zscope.errors import ParameterError
from zscope.figures import sweep as sweep_figure
from zscope.figures import write_figures, write_study_figures
from zscope.figures.base import Missing
from zscope.figures.render import png_bytes, svg_text, write_whole
from zscope.report import write_report
from zscope.study.payload import StudyPayload
from zscope.study.spec import read_spec
from zscope.study.study import RunsFailed, StudyOptions, run_study
from zscope.study.sweep import Sweep
from zscope.study.sweep_words import FIGURE
from zscope.study.train import estimate

AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("study")(study_command)


def study_command(
    file: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    source: Annotated[str | None, typer.Option("--source", help="Take the images from here instead.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Use the first N images of a seeded shuffle.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of every run.")] = None,
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            help="Runs at a time, each in its own process; auto: one a core for small models, one a GPU, else 1.",
        ),
    ] = AUTO,
    device: Device = "auto",
    stores: Stores = Path("store"),
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do the whole main job for several models and write one report.

    Lists in the file (fact: [0.1, 1], seeds: 4) become runs. What is up to date is reused; what was interrupted goes
    on. --force trains anew what differs from the file. Where a run fails, the others go on, and the exit code is 1.
    """
    output = Output(quiet=quiet, as_json=as_json)
    spec, text = read_spec(file)
    if source is not None:
        spec = spec.model_copy(update={"source": source})
    options = StudyOptions(epochs=epochs, limit=limit, seed=seed, force=force, device=device, jobs=jobs_of(jobs))
    spec.requests(**options.changes())
    folder = out or Path("runs") / spec.name
    images = spec.images
    store = prepared(
        output,
        spec.source,
        stores=stores,
        size=images.size,
        crop=images.crop,
        grey=images.grey,
        held_out=images.held_out,
    )
    failed: RunsFailed | None = None
    with output.bar() as bar, RunsBar(output) as bars:
        try:
            payload = run_study(
                spec,
                text,
                store,
                folder,
                options,
                progress=bar,
                wrap=lambda inner: estimate(output.log, inner),
                lines=bars.line,
                log=output.log,
            )
        except RunsFailed as error:
            if error.payload is None:
                raise
            failed, payload = error, error.payload
    with output.bar() as bar:
        for place, run in enumerate(payload.runs):
            bar(f"drawing {run.name}", place, len(payload.runs) + 1)
            write_figures(run, Path(run.path) / "figures")
        bar("writing the report", len(payload.runs), len(payload.runs) + 1)
        write_study_figures(payload.runs, folder / "figures")
        write_sweep_figure(payload.sweep, folder / "figures")
        write_report(payload, folder / "report.html")
    report = str(folder / "report.html")
    output.result({"report": report, **payload.as_json()}, *sweep_lines(payload), *finding_lines(payload), report)
    if failed is not None:
        raise failed


def jobs_of(text: str) -> int | None:
    """Read ``--jobs``: a number, or None for ``auto``."""
    if text == AUTO:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ParameterError("--jobs", f"be {AUTO} or a whole number of at least 1", text)
    return int(text)


def finding_lines(payload: StudyPayload) -> list[str]:
    """Lay the findings out; where weights are swept only what that found, since there are many runs."""
    swept = payload.sweep is not None and bool(payload.sweep.curves)
    return [
        (f"{finding.run}: " if finding.run else "") + finding.says + (f" {finding.advice}" if finding.advice else "")
        for finding in payload.findings
        if not swept or finding.figure == FIGURE
    ]


def sweep_lines(payload: StudyPayload) -> list[str]:
    """Lay a sweep out for the terminal; nothing where no weight was swept."""
    if payload.sweep is None or not payload.sweep.curves:
        return []
    head, rows = sweep_figure.sweep_table(payload.sweep)
    return [*text_table(head, rows, title=sweep_figure.TABLE_TITLE), ""]


def write_sweep_figure(sweep: Sweep | None, folder: Path) -> None:
    """Write the figure of a sweep, or remove the one of a study that has none any more."""
    data = sweep_figure.prepare(sweep)
    for suffix in (".svg", ".png"):
        path = folder / f"sweep{suffix}"
        if isinstance(data, Missing):
            path.unlink(missing_ok=True)
        else:
            figure = sweep_figure.draw(data)
            write_whole(path, svg_text(figure, "sweep").encode() if suffix == ".svg" else png_bytes(figure))
