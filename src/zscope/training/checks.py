"""What cannot be trained is refused before the first step."""

from zscope.errors import ParameterError
from zscope.models.config import ModelConfig
from zscope.models.networks import sizes
from zscope.training.config import TrainingConfig

BATCHWISE = ("free-bits", "capacity", "mmd", "tc")
"""Regularisers that are no mean over images, but figures of a whole batch."""


def sees_the_batch(model: ModelConfig) -> bool:
    """Whether the loss of a batch is more than the mean of its images' losses, so that cutting it changes the loss."""
    return model.batch_norm or _batchwise(model) is not None


def _batchwise(model: ModelConfig) -> str | None:
    return next((item.name for item in model.regularisers if item.name in BATCHWISE), None)


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
    if training.patience is not None and not held_out:
        raise ParameterError("patience", "be left out where no images are held out", training.patience)
