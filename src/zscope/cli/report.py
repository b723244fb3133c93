"""``zscope report``: one self-contained page of a run, of several, or of a study."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Force, Out, Output, Quiet
from zscope.errors import ExistsError, ParameterError
from zscope.report import write_report
from zscope.runs.run import Run
from zscope.study.load import load_codes, load_run, load_study
from zscope.study.payload import StudyPayload
from zscope.study.study import open_study


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report_command)


def opened(folders: list[Path], label: str | None) -> tuple[StudyPayload, Path | None]:
    """Load runs or a study, and say where its report goes by default; several runs have no folder of their own."""
    if len(folders) == 1 and (folders[0] / "study.json").exists():
        return open_study(folders[0], label=label), folders[0] / "report.html"
    runs = [
        load_codes(folder, label=label) if (folder / "codes.json").exists() else load_run(Run.open(folder), label=label)
        for folder in folders
    ]
    names = [run.name for run in runs]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ParameterError("RUN", "be named once each", ", ".join(str(folder) for folder in folders))
    payload = load_study(" and ".join(names) if len(names) < 3 else ", ".join(names), runs)
    return payload, folders[0] / "report.html" if len(folders) == 1 else None


def report_command(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs or of measured codes, or one study folder.")],
    label: Annotated[str | None, typer.Option("--label", help="Label that colours the maps.")] = None,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write one HTML page that opens offline: what was found, the figures, the tables, and how it was made."""
    output = Output(quiet=quiet, as_json=as_json)
    payload, own = opened(runs, label)
    path = report_path(out, own, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(payload, path)
    output.result({"report": str(path), **payload.as_json()}, str(path))


def report_path(out: Path | None, own: Path | None, force: bool) -> Path:
    """Where a report goes: a file ending in .html, or ``report.html`` in a folder.

    Only the page that a run or study has of its own is overwritten without `force`; without one, and without `out`, the
    working folder is meant.
    """
    if out is None and own is not None:
        return own
    out = out or Path.cwd()
    path = out if out.suffix == ".html" else out / "report.html"
    if path.exists() and not force:
        raise ExistsError(f"{path} exists; give --force to replace it, or another --out")
    return path
