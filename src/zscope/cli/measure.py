"""``zscope measure``: every measure of a run's codes, or of codes of one's own, held against null clouds."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Seed
from zscope.cli.tables import text_table
from zscope.errors import ExistsError, ParameterError
from zscope.figures import write_figures
from zscope.report import write_report
from zscope.runs.codes import READERS
from zscope.runs.measured import write_measures
from zscope.runs.run import Run
from zscope.study.codes import CodesRequest, folder_of, measure_file
from zscope.study.load import load_codes, load_run, load_study
from zscope.study.measure import MeasureSettings, measure_run
from zscope.study.payload import RunPayload, SplitPayload

HEAD = ("format", "version")
"""What the writer of ``measures.json`` adds itself."""

DEFAULT = MeasureSettings()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("measure")(measure_command)


def measure_command(
    run_or_codes: Annotated[Path, typer.Argument(help=f"Run folder, or a file of codes ({', '.join(READERS)}).")],
    labels: Annotated[
        Path | None, typer.Option("--labels", help="File of labels of CODES, a row each (.csv, .parquet, .npy, .txt).")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Label, or file of one, by which neighbours of the own group are left out too."),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", help="Null clouds of each kind; 0: no claim is held against chance.")
    ] = DEFAULT.draws,
    points: Annotated[int, typer.Option("--points", help="Hold at most so many codes against nulls.")] = DEFAULT.points,
    queries: Annotated[
        int, typer.Option("--queries", help="Look for the neighbours of at most so many of these.")
    ] = DEFAULT.queries,
    maps: Annotated[
        bool, typer.Option("--maps", help="Make t-SNE maps, and test whether they have structure.")
    ] = False,
    map_draws: Annotated[
        int, typer.Option("--map-draws", help="Maps of null clouds of each kind; 0: pictures only.")
    ] = DEFAULT.map_draws,
    map_points: Annotated[
        int, typer.Option("--map-points", help="Put at most so many codes on a map.")
    ] = DEFAULT.map_points,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave out codes with NaN or infinity.")] = False,
    label: Annotated[str | None, typer.Option("--label", help="Label that colours the figures.")] = None,
    seed: Seed = 0,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures too.")] = True,
    report: Annotated[
        bool | None, typer.Option("--report/--no-report", help="Write report.html too; by default for CODES.")
    ] = None,
    device: Device = "auto",
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure codes, hold them against null clouds, and say what of it is chance.

    Of a run training and held-out codes are measured apart, into the run; with --out, figures and a copy of
    measures.json go there. Codes of your own are measured into NAME.zscope beside their file, or --out.
    """
    output = Output(quiet=quiet, as_json=as_json)
    settings = MeasureSettings(draws, seed, points, queries, maps, map_draws, map_points)
    settings.check()
    if draws == 0:
        output.log("--draws 0: nothing is held against null clouds, and no claim about chance is decided")
    path = run_or_codes
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the search of neighbours takes a GPU where it sees one
    if path.is_file() or (path.suffix in READERS and not path.exists()):
        request = CodesRequest(path, labels, group, drop_bad, settings)
        folder = out or folder_of(path)
        with output.bar() as bar:
            measured = measure_file(request, folder, force=force, progress=bar, log=output.log)
            payload = load_codes(folder, label=label)
    else:
        for name, given in (("labels", labels is not None), ("drop_bad", drop_bad)):
            if given:
                raise ParameterError(name, "be left out for a run, whose codes are its own", str(path))
        folder = out or path
        measured, payload = _measured_run(path, settings, output, group, label, device, out, force)
    written = [folder / "measures.json"]
    if figures:
        write_figures(payload, folder / "figures")
    if report or (report is None and not payload.trained):
        written.append(folder / "report.html")
        write_report(load_study(payload.name, [payload]), written[-1])
    output.result(measured, *verdict_lines(payload.splits), "", *map(str, written))


def _measured_run(
    path: Path,
    settings: MeasureSettings,
    output: Output,
    group: str | None,
    label: str | None,
    device: str,
    out: Path | None,
    force: bool,
) -> tuple[dict[str, Any], RunPayload]:
    from zscope.study.encode import encode  # loads torch, which codes of one's own do without

    if out is not None and (out / "measures.json").exists() and not force:
        raise ExistsError(f"{out / 'measures.json'} exists; give --force to replace it, or another --out")
    run = Run.open(path)
    with output.bar() as bar:
        latents = encode(run, device=device, progress=bar, log=output.log)
        measured = measure_run(run, latents, settings, group=group, force=force, progress=bar, log=output.log)
        payload = load_run(run, label=label)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_measures(out / "measures.json", {key: measured[key] for key in measured if key not in HEAD})
    return measured, payload


MARKS = {True: "holds", False: "does not hold", None: "undecided"}


def verdict_lines(splits: Mapping[str, SplitPayload]) -> list[str]:
    """Lay out verdicts as lines of text, a table for each split."""
    lines: list[str] = []
    for name, split in splits.items():
        rows = [
            (verdict["claim"].replace("_", " "), _mark(verdict), _sentences(verdict))
            for verdict in split.verdicts.values()
        ]
        title = "" if len(splits) == 1 else f"{name} codes"
        lines += text_table(("claim", "verdict", "in words"), rows, title=title)
    return lines


def _sentences(verdict: Mapping[str, Any]) -> str:
    return str(verdict["says"]) + (f"\n→ {verdict['advice']}" if verdict["advice"] else "")


def _mark(verdict: Mapping[str, Any]) -> str:
    """Say in the report's words what was decided."""
    strength = str(verdict["strength"])
    return strength if strength in ("descriptive", "not testable", "not seen") else MARKS[verdict["holds"]]
