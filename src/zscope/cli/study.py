"""``zscope study``: train, encode, measure, sample and compare every run of a study file."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Stores, prepared
from zscope.figures import write_figures, write_study_figures
from zscope.report import write_report
from zscope.study.spec import read_spec
from zscope.study.study import StudyOptions, run_study
from zscope.study.train import estimate


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("study")(study_command)


def study_command(
    file: Annotated[Path, typer.Argument(help="Study file (YAML).")],
    source: Annotated[str | None, typer.Option("--source", help="Take the images from here instead.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Use the first N images of a seeded shuffle.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of every run.")] = None,
    device: Device = "auto",
    stores: Stores = Path("store"),
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Do the whole main job for several models and write one report.

    What is up to date is reused; what was interrupted goes on. --force trains anew what differs from the file.
    """
    output = Output(quiet=quiet, as_json=as_json)
    spec, text = read_spec(file)
    if source is not None:
        spec = spec.model_copy(update={"source": source})
    options = StudyOptions(epochs=epochs, limit=limit, seed=seed, force=force, device=device)
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
    with output.bar() as bar:
        payload = run_study(
            spec,
            text,
            store,
            folder,
            options,
            progress=bar,
            wrap=lambda inner: estimate(output.log, inner),
            log=output.log,
        )
        for run in payload.runs:
            write_figures(run, Path(run.path) / "figures")
        write_study_figures(payload.runs, folder / "figures")
        write_report(payload, folder / "report.html")
    findings = [
        (f"{finding.run}: " if finding.run else "") + finding.says + (f" {finding.advice}" if finding.advice else "")
        for finding in payload.findings
    ]
    report = str(folder / "report.html")
    output.result({"report": report, **payload.as_json()}, *findings, report)
