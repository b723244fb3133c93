"""Encoding a store into latents: images stream in, means and log-variances stream out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from zscope.models.autoencoder import Autoencoder
from zscope.models.heap import kept_heap
from zscope.runs.latents import Latents, write_latents
from zscope.runs.store import ImageStore
from zscope.training.batches import Batches
from zscope.typing import CodeArray, Progress, silent


def bf16_error(model: Autoencoder, images: torch.Tensor) -> float:
    """Return the largest difference that a trunk in bfloat16 makes to the codes of a batch, in latent units.

    Parameters
    ----------
    model : Autoencoder
        The trained model.
    images : Tensor of shape (N, C, H, W)
        Images in [0, 1] on the model's device.
    """
    exact = model.encode(images).mean
    with torch.autocast(images.device.type, torch.bfloat16):
        return float((model.encode(images).mean - exact).abs().max())


def encode_store(
    model: Autoencoder,
    store: ImageStore,
    rows: np.ndarray,
    folder: Path,
    *,
    model_hash: str,
    device: torch.device,
    precision: str = "fp32",
    batch: int = 512,
    force: bool = False,
    progress: Progress = silent,
) -> Latents:
    """Encode rows of a store and write them as latents.

    Parameters
    ----------
    model : Autoencoder
        The trained model.
    store : ImageStore
        The images.
    rows : ndarray of int
        Rows of the store, ascending.
    folder : Path
        Where the latents go.
    model_hash : str
        What identifies the model, kept with the latents.
    device : torch.device
        Where to encode.
    precision : {"fp32", "bf16"}
        Precision of the convolutional trunk; the head is float32 always. `bf16_error` says what bf16 costs.
    batch : int
        Images at a time.
    force : bool
        Replace latents that are there.
    progress : Progress
        Told of every batch.

    Returns
    -------
    Latents
        As written.
    """
    model = model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    points = store.labels.take(rows)

    def stream() -> Iterator[tuple[CodeArray, CodeArray | None]]:
        done = 0
        for images in Batches(store, rows, batch, seed=0).in_order(device):
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                posterior = model.encode(images)
            done += len(images)
            progress("encoding", done, len(rows))
            logvar = None if posterior.logvar is None else posterior.logvar.cpu().numpy()
            yield posterior.mean.cpu().numpy(), logvar

    with kept_heap():
        return write_latents(
            folder,
            stream(),
            points,
            d=model.config.z_dim,
            logvar=model.config.kind == "vae",
            about={"precision": precision, "model": model_hash, "data": store.hash},
            force=force,
        )
