"""What a user asks for when a model is to be trained: the options of ``zscope train`` and of a study's runs."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zscope.errors import ParameterError
from zscope.models.config import LikelihoodName, ModelConfig, beta_of, parameter_error, validated
from zscope.models.presets import preset, preset_for
from zscope.training.config import Decay, Optimiser, PositiveFloat, RateSchedule, Rescue, Seed, TrainingConfig
from zscope.training.devices import resolve_device, resolve_precision
from zscope.training.trackers import tracker

ADAMW_DECAY = 0.01
"""Weight decay of AdamW unless asked for otherwise, as in PyTorch."""

RECIPE = (
    "seed",
    "limit",
    "accumulate",
    "optimiser",
    "rate_schedule",
    "rate_warmup",
    "clip_norm",
    "ema",
    "patience",
    "init_seed",
    "guard",
    "rescue",
)
"""Options that go into the `TrainingConfig` as they are."""


class TrainRequest(BaseModel):
    """One model to train; what is None is left to the preset.

    Attributes
    ----------
    model : {"ae", "vae"}
        Plain or variational.
    preset : str or None
        Network and recipe by name; None chooses the source's own.
    z_dim : int or None
        Latent dimensions.
    beta, fact : float or None
        The KL weight under one of its two names (see `zscope.models.beta_of`).
    filters, strides : tuple of int or None
        Another network: channels and steps of its convolutions.
    kernel : int or None
        Edge of the kernels.
    extra_dense : tuple of int
        Widths of dense layers before the heads.
    batch_norm : bool
        Batch normalisation.
    likelihood, initialisation, slope, eps_clip, eps_factor
        See `zscope.models.ModelConfig`.
    network, spectral_norm, sigma, regularisers, corruption, prior
        See `zscope.models.ModelConfig`; what is None is left to its default.
    kl_schedule : str, dict or None
        The share of the KL weight over time, the `schedule` of `zscope.models.ModelConfig`.
    epochs, batch, learning_rate, seed, limit, accumulate, optimiser, weight_decay, rate_schedule, rate_warmup
        See `zscope.training.TrainingConfig`.
    clip_norm, ema, patience, init_seed, guard, rescue
        See `zscope.training.TrainingConfig`.
    device, precision : str
        ``auto``, or what `zscope.training.devices` lists.
    keep_every : int or None
        Keep a checkpoint after every so many epochs.
    grids_every : int or None
        Make pictures after every so many epochs, 0 for none; None chooses.
    tracker : str or None
        What follows the run, see `zscope.training.trackers`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: Literal["ae", "vae"] = "ae"
    preset: str | None = None
    z_dim: Annotated[int, Field(ge=1)] | None = None
    beta: float | None = None
    fact: float | None = None
    filters: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    kernel: int | None = None
    extra_dense: tuple[Annotated[int, Field(ge=1)], ...] = ()
    batch_norm: bool = False
    likelihood: LikelihoodName = "bernoulli"
    initialisation: Literal["glorot", "torch"] = "glorot"
    slope: float | None = None
    eps_clip: Annotated[float, Field(gt=0)] | None = 5.0
    eps_factor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    network: Literal["convolutional", "residual", "mlp"] | None = None
    spectral_norm: bool = False
    sigma: PositiveFloat | None = None
    regularisers: str | tuple[str | dict[str, Any], ...] | None = None
    kl_schedule: str | dict[str, Any] | None = None
    corruption: str | dict[str, Any] | None = None
    prior: str | dict[str, Any] | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    learning_rate: PositiveFloat | None = None
    seed: Seed = 0
    limit: Annotated[int, Field(ge=1)] | None = None
    device: str = "auto"
    precision: str = "auto"
    keep_every: Annotated[int, Field(ge=1)] | None = None
    accumulate: Annotated[int, Field(ge=1)] = 1
    optimiser: Optimiser = "adam"
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    rate_schedule: RateSchedule = "constant"
    rate_warmup: Annotated[int, Field(ge=0)] = 0
    clip_norm: PositiveFloat | None = None
    ema: Decay | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    init_seed: Seed | None = None
    guard: bool = True
    rescue: Rescue = "halve"
    grids_every: Annotated[int, Field(ge=0)] | None = None
    tracker: str | None = None

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Validate the options of a user; the first that is wrong becomes one `ParameterError`."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise parameter_error(error) from None

    def check(self) -> None:
        """Check what needs no images: preset, weights, device and precision; a long preparation comes after."""
        if self.preset is not None:
            preset(self.preset)
        beta_of(beta=self.beta, fact=self.fact, channels=1, kind=self.model)
        resolve_precision(self.precision, resolve_device(self.device))
        tracker(self.tracker)

    def resolve_model(
        self, shape: tuple[int, int, int], default_preset: str | None = None, *, own: bool = False
    ) -> ModelConfig:
        """Describe the model for images of a shape; with `own` it is made of modules that the user brings."""
        chosen = preset(self.preset or default_preset or preset_for(shape))
        values: dict[str, Any] = {**chosen.network}
        if own:
            self._check_own()
            values |= {"network": "own", "layers": ()}
        if self.filters is not None or self.strides is not None or self.kernel is not None:
            values["layers"] = self._layers(chosen.network["layers"])
        if self.slope is not None:
            values["slope"] = self.slope
        if self.network == "mlp":
            values["layers"] = ()
        for name in ("network", "sigma", "regularisers", "corruption", "prior"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        if self.kl_schedule is not None:
            values["schedule"] = self.kl_schedule
        return validated(
            **values,
            kind=self.model,
            shape=shape,
            z_dim=self.z_dim or chosen.z_dim,
            beta=beta_of(beta=self.beta, fact=self.fact, channels=shape[2], kind=self.model),
            extra_dense=self.extra_dense,
            batch_norm=self.batch_norm,
            spectral_norm=self.spectral_norm,
            likelihood=self.likelihood,
            initialisation=self.initialisation,
            eps_clip=self.eps_clip,
            eps_factor=self.eps_factor,
        )

    def _check_own(self) -> None:
        """Refuse options of networks of ours."""
        for name in ("network", "filters", "strides", "kernel", "slope"):
            if getattr(self, name) is not None:
                raise ParameterError(name, "be left out for modules of your own", getattr(self, name))

    def _layers(self, default: Any) -> list[dict[str, int]]:
        filters = self.filters or tuple(layer.filters for layer in default)
        strides = self.strides or tuple(
            default[index].stride if index < len(default) else 2 for index in range(len(filters))
        )
        if len(strides) != len(filters):
            raise ParameterError("strides", f"have one entry for each of the {len(filters)} filters", strides)
        kernel = self.kernel or default[0].kernel
        return [
            {"filters": count, "stride": stride, "kernel": kernel}
            for count, stride in zip(filters, strides, strict=True)
        ]

    def resolve_training(
        self, shape: tuple[int, int, int], default_preset: str | None = None, started_from: str | None = None
    ) -> TrainingConfig:
        """Describe the training: the preset's recipe with what the user changed."""
        recipe = dict(preset(self.preset or default_preset or preset_for(shape)).training)
        for name in ("epochs", "batch", "learning_rate"):
            if getattr(self, name) is not None:
                recipe[name] = getattr(self, name)
        precision = resolve_precision(self.precision, resolve_device(self.device))
        own = {name: getattr(self, name) for name in RECIPE}
        if self.weight_decay is not None:
            own["weight_decay"] = self.weight_decay
        elif self.optimiser == "adamw":
            own["weight_decay"] = ADAMW_DECAY
        if self.init_seed == self.seed:
            own["init_seed"] = None
        return checked_training(**recipe, **own, precision=precision, started_from=started_from)


def checked_training(**values: Any) -> TrainingConfig:
    """Build a `TrainingConfig`; the first invalid value becomes one `ParameterError`."""
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        raise parameter_error(error) from None
