"""``zscope report``: one self-contained page of a run, of several, or of a study."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Force, Out, Output, Quiet
from zscope.errors import ExistsError, ParameterError
from zscope.report import write_report
from zscope.runs.run import Run
from zscope.study.load import load_study
from zscope.study.payload import StudyPayload
from zscope.study.study import open_study


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report_command)


def opened(folders: list[Path], label: str | None) -> tuple[StudyPayload, Path]:
    """Load runs or a study, and say where its report goes by default."""
    if len(folders) == 1 and (folders[0] / "study.json").exists():
        return open_study(folders[0], label=label), folders[0] / "report.html"
    runs = [Run.open(folder) for folder in folders]
    names = [run.name for run in runs]
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise ParameterError("RUN", "be named once each", ", ".join(str(folder) for folder in folders))
    payload = load_study(" and ".join(names) if len(names) < 3 else ", ".join(names), runs, label=label)
    return payload, (folders[0] if len(folders) == 1 else Path.cwd()) / "report.html"


def report_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or one study folder.")],
    label: Annotated[str | None, typer.Option("--label", help="Label that colours the maps.")] = None,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write one HTML page that opens offline: what was found, the figures, the tables, and how it was made."""
    output = Output(quiet=quiet, as_json=as_json)
    payload, path = opened(runs, label)
    path = report_path(out, path, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(payload, path)
    output.result({"report": str(path), **payload.as_json()}, str(path))


def report_path(out: Path | None, default: Path, force: bool) -> Path:
    """Where a report goes: a file ending in .html, or ``report.html`` in a folder; a named one is not overwritten."""
    if out is None:
        return default
    path = out if out.suffix == ".html" else out / "report.html"
    if path.exists() and not force:
        raise ExistsError(f"{path} exists; give --force to replace it, or another --out")
    return path
