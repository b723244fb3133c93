"""``zscope encode``: the codes of a run's images."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import AsJson, Debug, Device, Force, Out, Output, Quiet
from zscope.runs.run import Run
from zscope.study.encode import encode


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("encode")(encode_command)


def encode_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    precision: Annotated[str, typer.Option("--precision", help="fp32, or bf16 (faster, coarser codes).")] = "fp32",
    batch: Annotated[
        int | None, typer.Option("--batch", help="Images at a time; by default 64 on a processor, 512 elsewhere.")
    ] = None,
    device: Device = "auto",
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Encode training and held-out images into RUN/latents or --out: posterior means and log-variances, in float32."""
    output = Output(quiet=quiet, as_json=as_json)
    with output.bar() as bar:
        latents = encode(
            Run.open(run),
            folder=out,
            precision=precision,
            batch=batch,
            device=device,
            force=force,
            progress=bar,
            log=output.log,
        )
    about = {
        "latents": str(latents.path),
        "n": len(latents),
        "d": latents.manifest["d"],
        "logvar": latents.manifest["logvar"],
    }
    output.result(about, str(latents.path))
