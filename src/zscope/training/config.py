"""How a model is trained, as data."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """The resolved recipe of a training run: all that decides what comes out, and nothing else.

    Attributes
    ----------
    epochs : int
        Passes over the training images.
    batch : int
        Images a step; the last step of an epoch takes what is left.
    learning_rate, adam_eps : float
        Step size and epsilon of Adam (Kingma & Ba 2015); epsilon is in units of the gradient of the loss in nats.
    seed : int
        Seed of initialisation, order and latent noise.
    precision : {"fp32", "bf16"}
        Precision of the convolutional trunks; heads, sampling, KL and loss are float32 always.
    limit : int or None
        Number of images used: the first ones of a shuffle that is the same for every run.
    started_from : str or None
        Hash of the run whose checkpoint this one was started from, and the epoch of the checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1)] = 40
    batch: Annotated[int, Field(ge=1)] = 128
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5e-4
    adam_eps: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-7
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    limit: Annotated[int, Field(ge=1)] | None = None
    started_from: str | None = None
