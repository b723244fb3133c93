"""Pictures of a model in training: what it makes of some images, and what random codes decode to."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from zscope.models.autoencoder import Autoencoder
from zscope.runs.store import ImageStore
from zscope.training.noise import repeated
from zscope.typing import ImageArray

FOLDER = "progress"
"""Folder of the pictures in a run."""

COLUMNS, SAMPLE_ROWS = 8, 2
_CODES = 256
_LEAST_EDGE = 56
"""Smaller images are enlarged, each pixel to a square."""

_SEED = 0
_PAPER = 255


def due(epoch: int, epochs: int, every: int | None) -> bool:
    """Whether pictures are made after an epoch: after every so many, after none if 0.

    When nobody says how often, they are made after epochs 1, 2, 5, 10, 20, 50, … and the last.

    Examples
    --------
    >>> [epoch for epoch in range(1, 121) if due(epoch, 120, None)]
    [1, 2, 5, 10, 20, 50, 100, 120]
    """
    if every is not None:
        return every > 0 and epoch % every == 0
    return epoch == epochs or str(epoch).rstrip("0") in ("1", "2", "5")


def grid(model: Autoencoder, store: ImageStore, shown: NDArray[np.int64], known: NDArray[np.int64]) -> ImageArray:
    """Draw a row of images, a row of their reconstructions, and two rows of decoded random codes.

    The codes of a VAE are draws from its prior; those of an AE, which has none, from the normal distribution with mean
    and covariance of the codes of some training images. The draws are the same in every epoch, so that the
    pictures can be compared, and are not taken from the random numbers of the training.

    Parameters
    ----------
    model : Autoencoder
        The model as it is now.
    store : ImageStore
        Its images.
    shown, known : ndarray of int
        Rows of the images to show, and of training images; the first ones are taken.

    Returns
    -------
    ndarray of shape (height, width, C), uint8
        The grid.
    """
    images = store.images[np.sort(shown[:COLUMNS])]
    means = model.encode(images).mean
    rng = np.random.default_rng(_SEED)
    draws = rng.standard_normal((SAMPLE_ROWS * COLUMNS, model.config.z_dim))
    if model.config.kind == "ae":
        codes = model.encode(store.images[np.sort(known[:_CODES])]).mean.cpu().numpy().astype(np.float64)
        # With weights w ~ N(0, I / n), Σ w (code − mean) has the codes' own covariance, without its root.
        weights = rng.standard_normal((len(draws), len(codes))) / np.sqrt(len(codes))
        draws = codes.mean(axis=0) + weights @ (codes - codes.mean(axis=0))
    elif model.config.prior.name != "normal":
        draws = _from_prior(model, len(draws))
    samples = model.decode_all(draws.astype(np.float32))
    rows = [images, model.decode_all(means.cpu().numpy()), *np.split(samples, SAMPLE_ROWS)]
    times = max(1, _LEAST_EDGE // max(images.shape[1:3]))
    rows = [row.repeat(times, axis=1).repeat(times, axis=2) for row in rows]
    return _laid_out(rows, gap=max(1, times * images.shape[2] // 16))


@torch.no_grad()
def _from_prior(model: Autoencoder, n: int) -> NDArray[np.float64]:
    """Draw codes of the model's own prior, in evaluation mode."""
    was_training = model.training
    model.eval()
    with repeated(model.device):
        torch.manual_seed(_SEED)
        codes = model.prior.draw(n).cpu().numpy().astype(np.float64)
    model.train(was_training)
    return codes


def _laid_out(rows: list[ImageArray], gap: int) -> ImageArray:
    height, width, channels = rows[0].shape[1:]
    canvas = np.full((len(rows) * (height + gap) - gap, COLUMNS * (width + gap) - gap, channels), _PAPER, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * (height + gap), column * (width + gap)
            canvas[top : top + height, left : left + width] = image
    return canvas


def write_grid(run: Path, epoch: int, picture: ImageArray) -> None:
    """Write the picture of an epoch as ``progress/epoch-0001.png`` of a run."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(folder / f"epoch-{epoch:04d}.png")
