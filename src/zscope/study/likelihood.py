"""−log p(x) of the held-out images of runs, by importance samples from the posteriors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from zscope.errors import ParameterError
from zscope.measures.words import counted
from zscope.models.autoencoder import Autoencoder
from zscope.models.heap import kept_heap
from zscope.models.iwae import iwae_bound
from zscope.runs.run import Run
from zscope.study.encode import open_store
from zscope.study.payload import Comparison
from zscope.training.devices import resolve_device
from zscope.typing import Progress, silent

MOST_SAMPLES = 100_000
"""Importance samples an image: those of one image are held in memory."""

_CODES = 2**14  # decoded between two words about the progress


@dataclass(frozen=True)
class HeldOutLikelihood:
    """−log p(x) of the held-out images of one run.

    Attributes
    ----------
    mean : float
        Over the images, nats per image: an upper bound in expectation, that falls with the number of samples.
    error : float or None
        Standard error of the mean, over images; None of a single one.
    images : int
        How many.
    grey : bool
        Whether a Bernoulli likelihood, of bits, was given pixels that are neither black nor white.
    """

    mean: float
    error: float | None
    images: int
    grey: bool


def held_out_likelihood(
    run: Run, samples: int, *, device: str = "auto", progress: Progress = silent
) -> HeldOutLikelihood | None:
    """Estimate −log p(x) of all held-out images by `zscope.models.iwae_bound`.

    Parameters
    ----------
    run : Run
        A finished run.
    samples : int
        Importance samples an image, from 1 to `MOST_SAMPLES`; the draws are the same in every call.
    device : str
        Where to decode.
    progress : Progress
        Told of images.

    Returns
    -------
    HeldOutLikelihood or None
        None for an AE, whose posterior has no density, and where no image is held out.

    Raises
    ------
    ParameterError
        `samples` is out of its bounds.
    """
    if not 1 <= samples <= MOST_SAMPLES:
        raise ParameterError("likelihood", f"be from 1 to {MOST_SAMPLES:,} samples", samples)
    if run.config["model"]["kind"] == "ae":
        return None
    store = open_store(run)
    rows = store.indices("held-out")
    if not len(rows):
        return None
    model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
    generator = torch.Generator(model.device).manual_seed(0)
    found: list[np.ndarray] = []
    grey, done = False, 0
    with kept_heap():
        for part in np.array_split(rows, max(len(rows) * samples // _CODES, 1)):
            progress("importance samples", done, len(rows))
            images = store.images[part]
            grey = grey or bool(((images > 0) & (images < 255)).any())
            found.append(-iwae_bound(model, images, samples, generator).cpu().numpy())
            done += len(part)
    nats = np.concatenate(found)
    error = float(nats.std(ddof=1) / len(nats) ** 0.5) if len(nats) > 1 else None
    return HeldOutLikelihood(float(nats.mean()), error, len(nats), grey and model.config.likelihood == "bernoulli")


def with_likelihoods(
    comparison: Comparison, found: Sequence[HeldOutLikelihood | None], samples: int
) -> tuple[Comparison, list[str]]:
    """Add likelihoods to a comparison, a column a run.

    Parameters
    ----------
    comparison : Comparison
        Of the runs.
    found : sequence of HeldOutLikelihood or None
        Theirs.
    samples : int
        Importance samples an image.

    Returns
    -------
    comparison : Comparison
        With a row of means and a row of standard errors.
    notes : list of str
        What a reader must know of them, a sentence each.

    Raises
    ------
    ParameterError
        No run has a likelihood.
    """
    known = [one for one in found if one is not None]
    if not known:
        raise ParameterError("likelihood", "be left out: of a VAE and held-out images alone is one known", samples)
    means = tuple(None if one is None else one.mean for one in found)
    errors = tuple(None if one is None else one.error for one in found)
    rows = (
        (f"−log p(x), held-out, by {counted(samples, 'sample')}", "nats per image", means),
        ("its standard error over images", "nats per image", errors),
    )
    notes = ["−log p(x) is bounded from above, the more closely the more samples (--likelihood)."]
    if any(one.grey for one in known):
        notes.append(
            "Pixels are grey, and a Bernoulli likelihood of grey pixels is not normalised: its figures can be held "
            "against each other, and not against those of binary images or of another likelihood."
        )
    return replace(comparison, rows=(*comparison.rows, *rows)), notes
