"""``zscope sample``: images decoded from codes that clouds draw."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet, Seed
from zscope.errors import ExistsError, ParameterError
from zscope.figures import write_figure
from zscope.figures.samples import MOST
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
    """Draw codes from each cloud, decode them, and show them under originals and reconstructions.

    The default clouds are kept with the run. With --out, images, codes and picture go there and the run is untouched.
    """
    output = Output(quiet=quiet, as_json=as_json)
    clouds = checked(sampler or DEFAULT_CLOUDS, n)
    opened = Run.open(run)
    kept = run / "samples" if out is None else None
    picture = out or run / "samples.png"
    if picture.suffix not in PICTURES:
        kept, picture = kept or picture / "samples", picture / "samples.png"
    if out is not None and picture.exists() and not force:
        raise ParameterError("--out", "be a new file (or give --force)", str(picture))
    if out is None and sampler and kept is not None and (kept / "manifest.json").exists() and not force:
        raise ExistsError(f"{kept} holds the run's samples; give --out for others, or --force to replace them")
    with output.bar() as bar, TemporaryDirectory() as passing:
        folder = kept or Path(passing) / "samples"
        latents = encode(opened, device=device, progress=bar, log=output.log)
        sample_run(
            opened,
            latents,
            folder=folder,
            clouds=clouds if sampler else None,
            n=n,
            seed=seed,
            device=device,
            force=force,
            progress=bar,
            log=output.log,
        )
        payload = load_run(opened, samples=folder)
        write_figure("samples", payload, picture)
    drawn = [sample.spec for sample in payload.samples]
    if n > MOST:
        output.log(f"the picture shows the first {MOST} of {n} images a cloud")
    output.result(
        {
            "run": str(run),
            "samples": None if kept is None else str(kept),
            "figure": str(picture),
            "clouds": drawn,
            "n": n,
        },
        str(picture),
    )
