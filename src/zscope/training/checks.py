"""What cannot be trained is refused before the first step."""

import torch
from torch import nn

from zscope.errors import ParameterError
from zscope.models.config import ModelConfig
from zscope.models.networks import sizes
from zscope.training.config import TrainingConfig

BATCHWISE = ("free-bits", "capacity", "mmd", "tc")
"""Regularisers that are no mean over images, but figures of a whole batch."""

LEAST_EVALUATED = 256
"""Images of which a step of evaluation draws the noise at once; of plain models they are measured at once too."""


def sees_the_batch(model: ModelConfig) -> bool:
    """Whether the loss of a batch is more than the mean of its images' losses, so that cutting it changes the loss."""
    return model.batch_norm or _batchwise(model) is not None


def _batchwise(model: ModelConfig) -> str | None:
    return next((item.name for item in model.regularisers if item.name in BATCHWISE), None)


def held_out_batch(model: ModelConfig, training: TrainingConfig) -> int:
    """Images whose held-out losses are measured at a time: more than in a batch only where a loss takes little memory.

    A regulariser may need many times the memory of the network, in evaluation too.
    """
    plain = not model.regularisers and model.prior.name == "normal"
    return max(training.batch, LEAST_EVALUATED) if plain else training.batch


def check(model: ModelConfig, training: TrainingConfig, images: int, held_out: int, processes: int) -> None:
    """Check that a recipe fits the model, the images and the processes.

    Parameters
    ----------
    model, training
        What is to be trained, and how.
    images, held_out : int
        How many there are.
    processes : int
        How many share the work.

    Raises
    ------
    ParameterError
        It does not.
    """
    if model.batch_norm and (images - 1) % training.batch == 0 and sizes(model)[-1] == (1, 1):
        raise ParameterError(
            "batch",
            f"not leave a batch of one of {images:,} training images, "
            "which batch normalisation cannot take where the last feature map is 1×1",
            training.batch,
        )
    if processes > 1 and sees_the_batch(model):
        what = "batch normalisation" if model.batch_norm else f"the regulariser {_batchwise(model)}"
        raise ParameterError("model", f"be without {what} on several processes, which each see a part of a batch", what)
    if training.ema is not None and model.spectral_norm:
        raise ParameterError(
            "ema", "be left out with spectral_norm, whose norms do not hold for averaged weights", training.ema
        )
    if training.patience is not None and not held_out:
        raise ParameterError("patience", "be left out where no images are held out", training.patience)
    moving = moving_objective(model)
    if training.rate_schedule == "plateau" and moving is not None and not held_out:
        raise ParameterError(
            "rate_schedule",
            f"be another one where no images are held out: with {moving} training totals cannot be compared",
            "plateau",
        )


def check_first_state(model: nn.Module) -> None:
    """Refuse modules with numbers that are not finite before the first step: the guard would take them for harm."""
    for name, tensor in model.state_dict().items():
        if not bool(torch.isfinite(tensor).all()):
            raise ParameterError(name, "hold finite numbers only (register a mask with persistent=False)", "others")


def moving_objective(model: ModelConfig) -> str | None:
    """Name the part by which what is minimised changes during the training; None where nothing does."""
    if model.schedule.name != "constant":
        return f"the KL schedule {model.schedule.name}"
    return next((f"the regulariser {item.name}" for item in model.regularisers if item.name == "capacity"), None)
