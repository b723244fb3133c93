"""How a model is trained, as data."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from zscope.errors import ParameterError

Seed = Annotated[int, Field(ge=0, lt=2**63)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Optimiser = Literal["adam", "adamw"]
RateSchedule = Literal["constant", "cosine", "linear", "plateau"]
Rescue = Literal["halve", "clip"]

LATER = (
    "accumulate",
    "optimiser",
    "weight_decay",
    "rate_schedule",
    "rate_warmup",
    "clip_norm",
    "ema",
    "patience",
    "init_seed",
    "guard",
    "rescue",
)
"""Fields that are written only where they differ from their default, so that the hash of an older run stays its own."""


class TrainingConfig(BaseModel):
    """The resolved recipe of a training run: all that decides what comes out, and nothing else.

    Attributes
    ----------
    epochs : int
        Passes over the training images.
    batch : int
        Images at a time; the last step of an epoch takes what is left.
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
    accumulate : int
        Batches a step: their gradients are added up, so that a step is that of a batch so many times as large.
    optimiser : {"adam", "adamw"}
        Adam, or Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    weight_decay : float
        Share of a weight, times the step size, that AdamW takes off in a step.
    rate_schedule : {"constant", "cosine", "linear", "plateau"}
        How the step size falls, see `zscope.training.recipe.step_factor`.
    rate_warmup : int
        Steps in which the step size rises linearly to its value.
    clip_norm : float or None
        Largest norm of a step's gradient over all parameters, nats per unit of weight; a longer one is shortened.
    ema : float or None
        Decay of the weights' moving average, which is evaluated and saved as the model; None averages nothing.
    patience : int or None
        Epochs without a lower held-out total after which training stops; the model is that of the best epoch.
    init_seed : int or None
        Seed of the initial weights alone; None takes `seed`.
    guard : bool
        Whether a diverging run goes back to its last good checkpoint (see `zscope.training.guard`).
    rescue : {"halve", "clip"}
        What the guard changes when it goes back: it halves the step size, or bounds the norm of the gradient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[int, Field(ge=1)] = 40
    batch: Annotated[int, Field(ge=1)] = 128
    learning_rate: PositiveFloat = 5e-4
    adam_eps: PositiveFloat = 1e-7
    seed: Seed = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    limit: Annotated[int, Field(ge=1)] | None = None
    started_from: str | None = None
    accumulate: Annotated[int, Field(ge=1)] = 1
    optimiser: Optimiser = "adam"
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    rate_schedule: RateSchedule = "constant"
    rate_warmup: Annotated[int, Field(ge=0)] = 0
    clip_norm: PositiveFloat | None = None
    ema: Decay | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    init_seed: Seed | None = None
    guard: bool = True
    rescue: Rescue = "halve"

    @model_validator(mode="after")
    def _decay_has_its_optimiser(self) -> Self:
        if self.weight_decay and self.optimiser == "adam":
            raise ParameterError("weight_decay", "be left out for adam (adamw takes one)", self.weight_decay)
        return self

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {name: value for name, value in values.items() if name not in LATER or value != fields[name].default}
