"""``zscope compare``: runs side by side, and how alike their spaces are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet
from zscope.cli.report import opened, report_path
from zscope.cli.tables import text_table
from zscope.errors import ParameterError
from zscope.figures.base import SPLIT_WORDS
from zscope.measures.words import counted
from zscope.nulls import Verdict
from zscope.report import write_report
from zscope.runs.run import Run
from zscope.study.alike import COLUMNS, NotCompared, RunsAlike, with_alikeness
from zscope.study.alike_runs import alike_runs
from zscope.study.findings import losses_apart
from zscope.study.payload import Comparison


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare_command)


def compare_command(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    label: Annotated[str | None, typer.Option("--label", help="Label that colours the maps.")] = None,
    likelihood: Annotated[
        int | None,
        typer.Option("--likelihood", help="Estimate -log p(x) of held-out images by so many importance samples each."),
    ] = None,
    device: Device = "auto",
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print the runs' figures side by side and how alike their spaces are; with --out also write a report of both.

    Runs that differ in nothing but the seed are one model: what differs between models is held against what differs
    between seeds.
    """
    output = Output(quiet=quiet, as_json=as_json)
    if len(runs) < 2:
        raise ParameterError("RUN", "be given at least twice", str(runs[0]))
    payload, own = opened(runs, label)
    path = None if out is None else report_path(out, own, force)
    folders = [Run.open(folder) for folder in runs]
    notes: list[str] = []
    with output.bar() as bar:
        if likelihood is not None:
            from zscope.study.likelihood import held_out_likelihoods, with_likelihoods  # loads torch

            nats = held_out_likelihoods(folders, likelihood, device=device, progress=bar)
            payload, told = with_likelihoods(payload, nats, likelihood)
            notes = [told.says, *([told.advice] if told.advice else [])]
        found = alike_runs(folders, progress=bar)
    payload = with_alikeness(payload, found)
    apart = losses_apart(payload.runs)
    notes += [apart] if apart else []
    lines = [*table(payload.comparison), "", *notes, *([""] if notes else []), *alike_lines(found)]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_report(payload, path)
        lines.append(str(path))
    output.result(payload.as_json(), *lines)


def table(comparison: Comparison) -> list[str]:
    """Lay a comparison out as lines of text."""
    return _grid(
        comparison.columns,
        [(f"{figure} ({unit})" if unit else figure, values) for figure, unit, values in comparison.rows],
    )


def alike_lines(found: RunsAlike | NotCompared) -> list[str]:
    """Lay out how alike runs are: a table of pairs, and a verdict on every two models."""
    if isinstance(found, NotCompared):
        return [f"How alike the spaces are is left out: {found.reason}."]
    of = "" if found.n == found.of else f" of {found.of:,}"
    head = (
        f"How alike the spaces are: {found.n:,}{of} {SPLIT_WORDS[found.split]} images, {found.k} neighbours of "
        f"{found.queries:,} (unrelated spaces share {found.by_chance:.2g})"
    )
    rows = [
        (row.title if row.pairs == 1 else f"{row.title} ({counted(row.pairs, 'pair')})", row.values)
        for row in found.rows()
    ]
    notes = [f"{note}." for note in found.notes]
    return [head, *_grid([name for name, _ in COLUMNS], rows), *notes, "", *_verdict_lines(found)]


def _verdict_lines(found: RunsAlike) -> list[str]:
    """Lay out the verdicts on every two models."""
    if not found.between:
        return ["All runs are one model: what they differ by is what seeds differ by."]
    rows = [
        (f"{pair.one.name} – {pair.other.name}", _word(pair.verdict), _told(pair.verdict)) for pair in found.between
    ]
    undecided = [pair.verdict.advice for pair in found.between if pair.verdict.holds is None]
    return [*text_table(("models", "one space", "why"), rows), *dict.fromkeys(filter(None, undecided))]


def _told(verdict: Verdict) -> str:
    """Give the verdict in words; what to do about undecided ones is the same for all, and is said below the table."""
    return verdict.says if verdict.holds is None or verdict.advice is None else f"{verdict.says}\n{verdict.advice}"


def _word(verdict: Verdict) -> str:
    if verdict.holds is None:
        return verdict.strength
    return "holds" if verdict.holds else "does not hold"


def _grid(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]) -> list[str]:
    width = max((len(title) for title, _ in rows), default=0)
    sizes = [max(len(name), 10) for name in columns]
    lines = [f"{'':<{width}} " + " ".join(f"{name:>{size}}" for name, size in zip(columns, sizes, strict=True))]
    for title, values in rows:
        cells = " ".join(f"{_cell(value):>{size}}" for value, size in zip(values, sizes, strict=True))
        lines.append(f"{title:<{width}} {cells}")
    return lines


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
