"""``zscope compare``: runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Force, Out, Output, Quiet
from zscope.cli.report import opened, report_path
from zscope.errors import ParameterError
from zscope.report import write_report
from zscope.study.payload import Comparison


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare_command)


def compare_command(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    label: Annotated[str | None, typer.Option("--label", help="Label that colours the maps.")] = None,
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print the runs' figures side by side; with --out also write a report that shows them together."""
    output = Output(quiet=quiet, as_json=as_json)
    if len(runs) < 2:
        raise ParameterError("RUN", "be given at least twice", str(runs[0]))
    payload, own = opened(runs, label)
    lines = table(payload.comparison)
    if out is not None:
        path = report_path(out, own, force)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_report(payload, path)
        lines.append(str(path))
    output.result(payload.as_json(), *lines)


def table(comparison: Comparison) -> list[str]:
    """Lay a comparison out as lines of text."""
    width = max(len(_figure(figure, unit)) for figure, unit, _ in comparison.rows)
    columns = [max(len(name), 10) for name in comparison.columns]
    head = " ".join(f"{name:>{size}}" for name, size in zip(comparison.columns, columns, strict=True))
    lines = [f"{'':<{width}} {head}"]
    for figure, unit, values in comparison.rows:
        cells = " ".join(f"{_cell(value):>{size}}" for value, size in zip(values, columns, strict=True))
        lines.append(f"{_figure(figure, unit):<{width}} {cells}")
    return lines


def _figure(figure: str, unit: str) -> str:
    return f"{figure} ({unit})" if unit else figure


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
