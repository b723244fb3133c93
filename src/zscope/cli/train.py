"""``zscope train``: train an autoencoder on a source of images."""

from functools import partial
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
from zscope.models import CORRUPTIONS, LIKELIHOODS, PRIORS, REGULARISERS, SCHEDULES
from zscope.study.request import TrainRequest
from zscope.study.train import estimate, train
from zscope.training.devices import resolve_device
from zscope.training.processes import launched
from zscope.training.trackers import TRACKERS


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
    likelihood: Annotated[str, typer.Option("--likelihood", help=f"{', '.join(LIKELIHOODS)}.")] = "bernoulli",
    network: Annotated[str | None, typer.Option("--network", help="convolutional, residual or mlp.")] = None,
    spectral_norm: Annotated[
        bool, typer.Option("--spectral-norm", help="Decoder weights divided by their largest singular value.")
    ] = False,
    sigma: Annotated[
        float | None,
        typer.Option("--sigma", help="Standard deviation of the gaussian likelihood, grey levels of 0 … 1."),
    ] = None,
    regulariser: Annotated[
        list[str] | None,
        typer.Option("--regulariser", help=f"{', '.join(REGULARISERS)}; options NAME:OPTION=VALUE,…; may be repeated."),
    ] = None,
    kl_schedule: Annotated[
        str | None,
        typer.Option("--kl-schedule", help=f"KL weight over time: {', '.join(SCHEDULES)}; linear:epochs=10."),
    ] = None,
    corruption: Annotated[
        str | None, typer.Option("--corruption", help=f"Of the encoder's images: {', '.join(CORRUPTIONS)}.")
    ] = None,
    prior: Annotated[str | None, typer.Option("--prior", help=f"{', '.join(PRIORS)}.")] = None,
    init: Annotated[str, typer.Option("--init", help="Initialisation: glorot (Keras') or torch.")] = "glorot",
    slope: Annotated[float | None, typer.Option("--slope", help="Slope of LeakyReLU below zero.")] = None,
    eps_clip: Annotated[float, typer.Option("--eps-clip", help="Bound of the latent noise; 0 for none.")] = 5.0,
    eps_factor: Annotated[float, typer.Option("--eps-factor", help="Factor on the latent noise.")] = 1.0,
    optimiser: Annotated[str, typer.Option("--optimiser", help="adam or adamw.")] = "adam",
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", help="Of adamw; 0.01 if not given.")] = None,
    accumulate: Annotated[int, typer.Option("--accumulate", help="Batches a step: their gradients are added up.")] = 1,
    clip_norm: Annotated[float | None, typer.Option("--clip-norm", help="Largest norm of the gradient.")] = None,
    rate_schedule: Annotated[
        str, typer.Option("--rate-schedule", help="Learning rate over time: constant, cosine, linear or plateau.")
    ] = "constant",
    rate_warmup: Annotated[int, typer.Option("--rate-warmup", help="Steps in which the learning rate rises.")] = 0,
    ema: Annotated[
        float | None,
        typer.Option("--ema", help="Decay of the weights' moving average, which becomes the model: 0.999."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option("--patience", help="Stop after N epochs without a lower held-out total; keep the best."),
    ] = None,
    guard: Annotated[
        bool, typer.Option("--guard/--no-guard", help="Go back to the last good checkpoint when the run diverges.")
    ] = True,
    rescue: Annotated[
        str, typer.Option("--rescue", help="What the guard does: halve the step size, or clip.")
    ] = "halve",
    seed: Seed = 0,
    init_seed: Annotated[
        int | None, typer.Option("--init-seed", help="Seed of the first weights alone; --seed if not given.")
    ] = None,
    device: Device = "auto",
    precision: Annotated[str, typer.Option("--precision", help="auto, fp32 or bf16.")] = "auto",
    keep_every: Annotated[int | None, typer.Option("--keep-every", help="Keep a checkpoint every N epochs.")] = None,
    grids_every: Annotated[
        int | None, typer.Option("--grids-every", help="Pictures in RUN/progress every N epochs; 0 for none.")
    ] = None,
    tracker: Annotated[str | None, typer.Option("--tracker", help=f"{', '.join(TRACKERS)}.")] = None,
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
        network=network,
        spectral_norm=spectral_norm,
        sigma=sigma,
        regularisers=tuple(regulariser) if regulariser else None,
        kl_schedule=kl_schedule,
        corruption=corruption,
        prior=prior,
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
        accumulate=accumulate,
        optimiser=optimiser,
        weight_decay=weight_decay,
        rate_schedule=rate_schedule,
        rate_warmup=rate_warmup,
        clip_norm=clip_norm,
        ema=ema,
        patience=patience,
        init_seed=init_seed,
        guard=guard,
        rescue=rescue,
        grids_every=grids_every,
        tracker=tracker,
    )
    request.check()
    processes = launched(resolve_device(request.device))
    # The main process prepares the images; the others then find them prepared.
    output = Output(quiet=quiet or not processes.main, as_json=as_json)
    images = partial(prepared, output, source, stores=stores, size=size, crop=crop, grey=grey, held_out=held_out)
    store = images() if processes.main else None
    processes.told(True)
    store = store or images()
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
    if processes.main:
        last = {record["split"]: record for record in run.metrics()}
        about = {"state": run.state, "losses": last, "parameters": run.manifest.get("parameters")}
        output.result({"run": str(run.path), **about, "events": run.manifest.get("events", [])}, str(run.path))
