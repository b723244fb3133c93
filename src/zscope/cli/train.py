"""``zscope train``: train an autoencoder on a source of images."""

from pathlib import Path
from typing import Annotated

import typer

from zscope.cli.common import (
    AsJson,
    Crop,
    Debug,
    Device,
    Force,
    Grey,
    HeldOut,
    Out,
    Output,
    Quiet,
    Seed,
    Size,
    Stores,
    prepared,
)
from zscope.errors import ParameterError
from zscope.study.request import TrainRequest
from zscope.study.train import estimate, train


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train_command)


def numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    """Parse ``32,64,128``."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ParameterError(name, "be whole numbers separated by commas", text) from None


def train_command(
    source: Annotated[str, typer.Argument(help="digits, mnist:DIR, celeba:DIR, folder:DIR or array:FILE.")],
    model: Annotated[str, typer.Option("--model", help="ae or vae.")] = "ae",
    preset: Annotated[str | None, typer.Option("--preset", help="Network and recipe: digits, mnist, celeba.")] = None,
    z_dim: Annotated[int | None, typer.Option("--z-dim", help="Latent dimensions.")] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="KL weight against the summed log-likelihood.")] = None,
    fact: Annotated[float | None, typer.Option("--fact", help="KL weight per channel: beta / channels.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Step size of Adam.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Use the first N images of a seeded shuffle.")] = None,
    filters: Annotated[str | None, typer.Option("--filters", help="Channels of the convolutions: 32,64,128.")] = None,
    strides: Annotated[str | None, typer.Option("--strides", help="Steps of the convolutions: 1,2,2.")] = None,
    kernel: Annotated[int | None, typer.Option("--kernel", help="Edge of the kernels, odd.")] = None,
    extra_dense: Annotated[str | None, typer.Option("--extra-dense", help="Widths of dense layers: 512,128.")] = None,
    batch_norm: Annotated[bool, typer.Option("--batch-norm", help="Batch normalisation (off by default).")] = False,
    likelihood: Annotated[str, typer.Option("--likelihood", help="bernoulli or gaussian.")] = "bernoulli",
    init: Annotated[str, typer.Option("--init", help="Initialisation: glorot (Keras') or torch.")] = "glorot",
    slope: Annotated[float | None, typer.Option("--slope", help="Slope of LeakyReLU below zero.")] = None,
    eps_clip: Annotated[float, typer.Option("--eps-clip", help="Bound of the latent noise; 0 for none.")] = 5.0,
    eps_factor: Annotated[float, typer.Option("--eps-factor", help="Factor on the latent noise.")] = 1.0,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[str, typer.Option("--precision", help="auto, fp32 or bf16.")] = "auto",
    keep_every: Annotated[int | None, typer.Option("--keep-every", help="Keep a checkpoint every N epochs.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that is there.")] = False,
    start_from: Annotated[
        Path | None, typer.Option("--start-from", help="A checkpoint folder to start a new run from.")
    ] = None,
    size: Size = None,
    crop: Crop = None,
    grey: Grey = False,
    held_out: HeldOut = 0.1,
    stores: Stores = Path("store"),
    out: Out = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train an AE or VAE and leave a run folder.

    Shows total, reconstruction and KL in nats per image. Ctrl-C stops cleanly; --resume goes on.
    """
    output = Output(quiet=quiet, as_json=as_json)
    request = TrainRequest.of(
        model=model,
        preset=preset,
        z_dim=z_dim,
        beta=beta,
        fact=fact,
        filters=numbers("--filters", filters),
        strides=numbers("--strides", strides),
        kernel=kernel,
        extra_dense=numbers("--extra-dense", extra_dense) or (),
        batch_norm=batch_norm,
        likelihood=likelihood,
        initialisation=init,
        slope=slope,
        eps_clip=eps_clip or None,
        eps_factor=eps_factor,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        limit=limit,
        device=device,
        precision=precision,
        keep_every=keep_every,
    )
    request.check()
    store = prepared(output, source, stores=stores, size=size, crop=crop, grey=grey, held_out=held_out)
    with output.bar() as bar:
        run = train(
            request,
            source,
            store,
            out=out,
            resume=resume,
            start_from=start_from,
            force=force,
            progress=estimate(output.log, bar),
            log=output.log,
        )
    last = {record["split"]: record for record in run.metrics()}
    output.result(
        {"run": str(run.path), "state": run.state, "losses": last, "parameters": run.manifest.get("parameters")},
        str(run.path),
    )
