"""What a user asks for when a model is to be trained: the options of ``zscope train`` and of a study's runs."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zscope.errors import ParameterError
from zscope.models.config import ModelConfig, beta_of, parameter_error, validated
from zscope.models.presets import preset, preset_for
from zscope.training.config import TrainingConfig
from zscope.training.devices import resolve_device, resolve_precision


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
    epochs, batch, learning_rate, seed, limit
        See `zscope.training.TrainingConfig`.
    device, precision : str
        ``auto``, or what `zscope.training.devices` lists.
    keep_every : int or None
        Keep a checkpoint after every so many epochs.
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
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    initialisation: Literal["glorot", "torch"] = "glorot"
    slope: float | None = None
    eps_clip: Annotated[float, Field(gt=0)] | None = 5.0
    eps_factor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    epochs: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1)] | None = None
    device: str = "auto"
    precision: str = "auto"
    keep_every: Annotated[int, Field(ge=1)] | None = None

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

    def resolve_model(self, shape: tuple[int, int, int], default_preset: str | None = None) -> ModelConfig:
        """Describe the model for images of a shape."""
        chosen = preset(self.preset or default_preset or preset_for(shape))
        values: dict[str, Any] = {**chosen.network}
        if self.filters is not None or self.strides is not None or self.kernel is not None:
            values["layers"] = self._layers(chosen.network["layers"])
        if self.slope is not None:
            values["slope"] = self.slope
        return validated(
            **values,
            kind=self.model,
            shape=shape,
            z_dim=self.z_dim or chosen.z_dim,
            beta=beta_of(beta=self.beta, fact=self.fact, channels=shape[2], kind=self.model),
            extra_dense=self.extra_dense,
            batch_norm=self.batch_norm,
            likelihood=self.likelihood,
            initialisation=self.initialisation,
            eps_clip=self.eps_clip,
            eps_factor=self.eps_factor,
        )

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
        return TrainingConfig(
            **recipe, seed=self.seed, limit=self.limit, precision=precision, started_from=started_from
        )
