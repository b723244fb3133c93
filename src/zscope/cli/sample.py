"""``zscope sample``: images decoded from codes that clouds draw."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Seed
from zscope.errors import ParameterError
from zscope.figures import write_figure
from zscope.generation.sampling import DEFAULT_CLOUDS
from zscope.runs.run import Run
from zscope.study.encode import encode
from zscope.study.load import load_run
from zscope.study.sample import checked, sample_run

PICTURES = (".png", ".svg")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample_command)


def sample_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    sampler: Annotated[
        list[str] | None, typer.Option("--sampler", help="Cloud to draw from (again for more), e.g. mixture:20.")
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Images a cloud.")] = 12,
    seed: Seed = 0,
    out: Out = None,
    device: Device = "auto",
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw codes from each cloud, decode them, and show them under originals and reconstructions."""
    output = Output(quiet=quiet, as_json=as_json)
    clouds = checked(sampler or DEFAULT_CLOUDS, n)
    opened = Run.open(run)
    picture = out or run / "samples.png"
    if picture.suffix not in PICTURES:
        picture = picture / "samples.png"
    if out is not None and picture.exists() and not force:
        raise ParameterError("--out", "be a new file (or give --force)", str(picture))
    with output.bar() as bar:
        latents = encode(opened, device=device, progress=bar, log=output.log)
        sample_run(
            opened,
            latents,
            clouds=clouds if sampler else None,
            n=n,
            seed=seed,
            device=device,
            force=force,
            progress=bar,
            log=output.log,
        )
    payload = load_run(opened)
    write_figure("samples", payload, picture)
    drawn = [sample.spec for sample in payload.samples]
    output.result(
        {"run": str(run), "samples": str(run / "samples"), "figure": str(picture), "clouds": drawn, "n": n},
        str(picture),
    )
