"""``zscope list``: what there is to choose from, and which runs are here."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from zscope.cli.common import AsJson, Debug, Output, Quiet
from zscope.cli.tables import text_table
from zscope.clouds import CLOUDS
from zscope.data import SOURCES
from zscope.measures import MEASURES
from zscope.models import LIKELIHOODS, PRESETS
from zscope.nulls import CLAIMS
from zscope.runs.run import find_runs

KINDS = (
    "agreement: holds if the effect is surely under the margin, does not hold if it is significant and above.",
    "structure: holds if one figure beats every null at the 1 % level and by more than the margin.",
    "descriptive: no null decides it.",
)
"""What the kinds of claims mean, below their table."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(list_command)


def list_command(
    runs: Annotated[Path, typer.Option("--runs", help="Folder in which to look for runs.")] = Path("runs"),
    claims: Annotated[bool, typer.Option("--claims", help="Claims with their margins and the reasons.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List sources, presets, clouds, measures, claims, and the runs in a folder."""
    output = Output(quiet=quiet, as_json=as_json)
    found, damaged = find_runs(runs)
    content: dict[str, Any] = {
        "sources": {source.example: source.what for source in SOURCES},
        "presets": {name: item.what for name, item in PRESETS.items()},
        "likelihoods": {name: item.formula for name, item in LIKELIHOODS.items()},
        "clouds": {name: kind.keeps for name, kind in CLOUDS.items()},
        "measures": {measure.name: measure.title for measure in MEASURES},
        "claims": {name: claim.asks for name, claim in CLAIMS.items()},
        "runs": {str(run.path): f"{run.label}, {run.state}" for run in found},
        "damaged runs": {path: str(error) for path, error in damaged.items()},
    }
    if claims:
        output.result({"claims": {name: asdict(claim) for name, claim in CLAIMS.items()}}, *claim_lines())
        return
    lines: list[str] = []
    for title, entries in content.items():
        width = max((len(name) for name in entries), default=0)
        lines += [title, *(f"  {name:<{width}}  {what}" for name, what in entries.items())] if entries else []
    output.result(content, *lines)


def claim_lines() -> list[str]:
    """Lay out the table of claims: which there are, their margins, and why these."""
    rows = [
        (
            name,
            claim.kind,
            "none" if claim.margin is None else f"{claim.margin:g}",
            f"{claim.asks}\nEffect: {claim.effect}.\n"
            + (f"Why {claim.margin:g}: {claim.reason}." if claim.margin is not None else f"No margin: {claim.reason}."),
        )
        for name, claim in CLAIMS.items()
    ]
    return [*text_table(("claim", "kind", "margin", "what is asked"), rows), "", *KINDS]
