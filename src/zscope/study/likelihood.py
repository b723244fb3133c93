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
from zscope.runs.store import ImageStore
from zscope.study.encode import finished, open_store
from zscope.study.payload import Finding, StudyPayload
from zscope.training.devices import resolve_device
from zscope.typing import Progress, silent

MOST_SAMPLES = 100_000
"""Importance samples an image: those of one image are held in memory."""

GREY = (
    "Pixels are grey, and a Bernoulli likelihood of grey pixels is not normalised: its figures can be held against each"
    " other, and not against those of binary images or of another likelihood."
)

_CODES = 2**14  # decoded between two words about the progress


@dataclass(frozen=True)
class HeldOutLikelihood:
    """−log p(x) of the held-out images of one run.

    Attributes
    ----------
    mean : float
        Over the images, nats per image. In expectation it lies above the truth, and falls towards it with the samples.
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


def held_out_likelihoods(
    runs: Sequence[Run], samples: int, *, device: str = "auto", progress: Progress = silent
) -> list[HeldOutLikelihood | None]:
    """Estimate −log p(x) of the images that runs held out, by `zscope.models.iwae_bound`.

    Parameters
    ----------
    runs : sequence of Run
        Finished runs. All are checked before the first is measured.
    samples : int
        Importance samples an image, from 1 to `MOST_SAMPLES`; on one device the draws are the same in every call.
    device : str
        Where to decode.
    progress : Progress
        Told of images.

    Returns
    -------
    list of HeldOutLikelihood or None
        None for an AE, whose posterior has no density, and where no image was held out.

    Raises
    ------
    ParameterError
        `samples` is out of its bounds, a run is of modules of the user's own, or none of them has a likelihood.
    FormatError
        The images of a run are gone, or others.
    TrainingError
        A run is not finished.
    """
    if not 1 <= samples <= MOST_SAMPLES:
        raise ParameterError("likelihood", f"be from 1 to {MOST_SAMPLES:,} samples", samples)
    resolve_device(device)
    variational = [run for run in runs if run.config["model"]["kind"] != "ae"]
    stores = {run.path: open_store(finished(run)) for run in variational}
    for run in variational:
        if run.config["model"].get("network") == "own":
            why = f"be left out: {run.path} is of modules of your own, which zscope.models.iwae_bound takes"
            raise ParameterError("likelihood", why, samples)
    found = [
        _measured(run, stores[run.path], samples, device, progress) if run.path in stores else None for run in runs
    ]
    if not any(found):
        raise ParameterError("likelihood", "be left out: it is that of a VAE and of images that were held out", samples)
    return found


def _measured(run: Run, store: ImageStore, samples: int, device: str, progress: Progress) -> HeldOutLikelihood | None:
    rows = store.selection(run.data["limit"])
    rows = rows[store.split[rows] != "train"]
    if not len(rows):
        return None
    model = Autoencoder.from_pretrained(run.path, device=resolve_device(device))
    generator = torch.Generator(model.device).manual_seed(0)
    nats = np.empty(len(rows))
    grey = False
    step = max(_CODES // samples, 1)
    with kept_heap():
        for start in range(0, len(rows), step):
            progress(f"importance samples of {run.path.name}", start, len(rows))
            images = store.images[rows[start : start + step]]
            grey = grey or bool(((images > 0) & (images < 255)).any())
            nats[start : start + step] = -iwae_bound(model, images, samples, generator).numpy()
    error = float(nats.std(ddof=1) / len(nats) ** 0.5) if len(nats) > 1 else None
    return HeldOutLikelihood(float(nats.mean()), error, len(nats), grey and model.config.likelihood == "bernoulli")


def with_likelihoods(
    payload: StudyPayload, found: Sequence[HeldOutLikelihood | None], samples: int
) -> tuple[StudyPayload, Finding]:
    """Add likelihoods to what is known of runs.

    Parameters
    ----------
    payload : StudyPayload
        The runs, compared.
    found : sequence of HeldOutLikelihood or None
        Theirs, at least one.
    samples : int
        Importance samples an image.

    Returns
    -------
    payload : StudyPayload
        With rows of means, standard errors and numbers of images in its table, and the finding.
    finding : Finding
        What came out, with what a reader must know of it.
    """
    known = {run.name: one for run, one in zip(payload.runs, found, strict=True) if one is not None}
    what = f"−log p(x) of held-out images by {counted(samples, 'importance sample')} each"
    nats = "nats per image"
    rows = (
        (what, nats, tuple(None if one is None else one.mean for one in found)),
        ("its standard error over images", nats, tuple(None if one is None else one.error for one in found)),
        ("held-out images", "", tuple(None if one is None else float(one.images) for one in found)),
    )
    values = ", ".join(f"{name} {one.mean:,.2f}" for name, one in known.items())
    says = f"{what}: {values} nats per image, from above (more samples bring it down)."
    finding = Finding(says, GREY if any(one.grey for one in known.values()) else None)
    comparison = replace(payload.comparison, rows=(*payload.comparison.rows, *rows))
    return replace(payload, comparison=comparison, findings=(*payload.findings, finding)), finding
