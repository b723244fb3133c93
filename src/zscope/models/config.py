"""What a model is made of, as data: everything needed to build it again, and nothing else."""

from typing import Annotated, Any, Literal, Self

import annotated_types as at
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from zscope.errors import ParameterError
from zscope.models.corruptions import CORRUPTIONS, Corruption
from zscope.models.parts import Weight, chosen, chosen_all
from zscope.models.parts import parameter_error as parameter_error
from zscope.models.priors import PRIORS, PriorChoice
from zscope.models.regularisers import REGULARISERS, Regulariser
from zscope.models.schedules import SCHEDULES, Schedule

Positive = Annotated[int, at.Ge(1)]

LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian", "learned-gaussian", "discretised-logistic"]
NetworkName = Literal["convolutional", "residual", "mlp", "own"]

SINCE_1 = ("network", "spectral_norm", "sigma", "regularisers", "schedule", "corruption", "prior")
"""Fields that came after the first format; they are written only where they differ from their default, so that the
configuration of a run without them, and its hash, stay what they were."""


class Layer(BaseModel):
    """One convolution of the encoder; the decoder mirrors it.

    Attributes
    ----------
    filters : int
        Channels that leave the layer.
    stride : int
        Step in pixels; 2 halves the image.
    kernel : int
        Edge of the kernel in pixels, odd.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: Positive
    stride: Positive = 1
    kernel: Annotated[int, at.Ge(1), at.MultipleOf(1)] = 3

    @model_validator(mode="after")
    def _odd_kernel(self) -> Self:
        if self.kernel % 2 == 0:
            raise ParameterError("kernel", "be odd", self.kernel)
        return self


class ModelConfig(BaseModel):
    """The resolved description of an autoencoder.

    Regularisers, schedule, corruption and prior are taken as `zscope.models.parts.chosen` reads them: a name,
    ``NAME:OPTION=VALUE,…``, or a mapping of ``name`` and options; several regularisers as a list or joined by ``+``.

    Attributes
    ----------
    kind : {"ae", "vae"}
        Plain autoencoder, or variational autoencoder with mean and log-variance.
    shape : (int, int, int)
        Height, width and channels of the images.
    z_dim : int
        Latent dimensions.
    layers : tuple of Layer
        The encoder's convolutions; the decoder has the same ones mirrored. Empty for ``mlp`` and ``own``.
    extra_dense : tuple of int
        Widths of dense layers between the flattened images and the heads, mirrored in the decoder.
    slope : float
        Slope of LeakyReLU below zero.
    batch_norm : bool
        Batch normalisation after every convolution but the last.
    likelihood : str
        Name of the likelihood p(x|z).
    beta : float
        Weight of the KL in nats against the log-likelihood summed over all pixels and channels.
    initialisation : {"glorot", "torch"}
        Glorot-uniform weights and zero biases (Keras' rule), or PyTorch's own default.
    eps_clip : float or None
        Draws of the latent noise are clipped at this many standard deviations; None does not clip.
    eps_factor : float
        Factor on the latent noise; changeable after training.
    network : {"convolutional", "residual", "mlp", "own"}
        Plain convolutions, each with a residual block after it, dense layers of the widths `extra_dense`, or modules
        that the user brings (`Autoencoder.of`).
    spectral_norm : bool
        The decoder's weights are divided by their largest singular value.
    sigma : float
        Standard deviation of the likelihood ``gaussian``, grey levels of 0 … 1.
    regularisers : tuple of Regulariser
        At most one form of the KL, which beta weighs (without one: ``kl`` for a VAE, ``none`` for an AE), and others,
        which are added.
    schedule : Schedule
        The share of beta that counts at a point of the training.
    corruption : Corruption
        What is done in training to the images that the encoder sees.
    prior : PriorChoice
        The prior of the codes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ae", "vae"] = "ae"
    shape: tuple[Positive, Positive, Literal[1, 3]]
    z_dim: Positive
    layers: tuple[Layer, ...]
    extra_dense: tuple[Positive, ...] = ()
    slope: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.3
    batch_norm: bool = False
    likelihood: LikelihoodName = "bernoulli"
    beta: Weight = 0.0
    initialisation: Literal["glorot", "torch"] = "glorot"
    eps_clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 5.0
    eps_factor: Weight = 1.0
    network: NetworkName = "convolutional"
    spectral_norm: bool = False
    sigma: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    regularisers: Annotated[
        tuple[Regulariser, ...], BeforeValidator(lambda value: chosen_all("regulariser", REGULARISERS, value))
    ] = ()
    schedule: Annotated[Schedule, BeforeValidator(lambda value: chosen("schedule", SCHEDULES, value))] = SCHEDULES[
        "constant"
    ]
    corruption: Annotated[Corruption, BeforeValidator(lambda value: chosen("corruption", CORRUPTIONS, value))] = (
        CORRUPTIONS["none"]
    )
    prior: Annotated[PriorChoice, BeforeValidator(lambda value: chosen("prior", PRIORS, value))] = PRIORS["normal"]

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.shape[2]

    @property
    def fact(self) -> float:
        """The KL weight against the log-likelihood averaged over channels: beta / channels."""
        return self.beta / self.channels

    @property
    def objective(self) -> tuple[Regulariser, ...]:
        """The regularisers with the form of the KL first, the kind's own where none is named."""
        forms = [item for item in self.regularisers if item.form_of_kl]
        others = [item for item in self.regularisers if not item.form_of_kl]
        return (*(forms or [REGULARISERS["none" if self.kind == "ae" else "kl"]]), *others)

    @model_serializer(mode="wrap")
    def _without_new_defaults(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        same = {name for name in SINCE_1 if getattr(self, name) == fields[name].default}
        return {name: value for name, value in written(self).items() if name not in same}

    @model_validator(mode="after")
    def _parts_that_fit(self) -> Self:
        _check_network(self)
        _check_objective(self)
        return self


def _check_network(config: ModelConfig) -> None:
    """Refuse layers that a network does not have, and a network without layers."""
    network = config.network
    if network in ("convolutional", "residual"):
        if not config.layers:
            raise ParameterError("layers", f"have at least one convolution for the network {network}", ())
        return
    if config.layers:
        raise ParameterError("layers", f"be empty for the network {network}", config.layers)
    if config.batch_norm:
        raise ParameterError("batch_norm", f"be off for the network {network}, which has no convolutions of ours", True)
    if network == "mlp" and not config.extra_dense:
        raise ParameterError("extra_dense", "have at least one width for the network mlp", ())
    for name in ("extra_dense", "spectral_norm"):
        if network == "own" and getattr(config, name):
            raise ParameterError(name, "be left out for modules of your own", getattr(config, name))


def _check_objective(config: ModelConfig) -> None:
    """Refuse parts that do not go together."""
    fitting = [name for name, item in REGULARISERS.items() if config.kind in item.kinds]
    for item in config.regularisers:
        if item.name not in fitting:
            kind = "an AE" if config.kind == "ae" else "a VAE"
            raise ParameterError("regulariser", f"be one of {', '.join(fitting)} for {kind}", item.name)
        if item.standard_prior and config.prior.name != "normal":
            raise ParameterError("prior", f"be normal for the regulariser {item.name}", config.prior.name)
    forms = [item.name for item in config.regularisers if item.form_of_kl]
    if len(forms) > 1:
        raise ParameterError("regulariser", "have at most one form of the KL", "+".join(forms))
    for name, part in (("schedule", config.schedule), ("prior", config.prior)):
        if config.kind == "ae" and part != type(config).model_fields[name].default:
            raise ParameterError(name, "be left out for an AE, which has no KL (use a VAE)", part.name)
    if config.prior.name == "vamp" and config.batch_norm:
        raise ParameterError(
            "batch_norm", "be off for the prior vamp, whose pseudo-inputs it would normalise apart", True
        )
    if config.sigma != 1 and config.likelihood != "gaussian":
        raise ParameterError("sigma", f"be left out for the likelihood {config.likelihood}", config.sigma)


def beta_of(*, beta: float | None, fact: float | None, channels: int, kind: str) -> float:
    """Resolve the two names of the KL weight to beta.

    ``beta`` weighs the KL in nats against the log-likelihood summed over pixels *and* channels; ``fact`` against
    the one averaged over channels and summed over pixels, so that beta = channels · fact.

    Parameters
    ----------
    beta, fact : float or None
        At most one of them; without either, a VAE has beta 1 and an AE 0.
    channels : int
        Channels of the images.
    kind : {"ae", "vae"}
        The kind of model; an AE has no KL, so a weight is refused.

    Returns
    -------
    float
        The weight beta, dimensionless.

    Examples
    --------
    >>> beta_of(beta=None, fact=5.0, channels=3, kind="vae")
    15.0
    """
    if beta is not None and fact is not None:
        raise ParameterError("beta", "not be given together with fact (beta = channels · fact)", f"{beta} and {fact}")
    for name, value in (("beta", beta), ("fact", fact)):
        if value is not None and not 0 <= value < float("inf"):
            raise ParameterError(name, "be a finite number of at least 0", value)
        if value is not None and kind == "ae":
            raise ParameterError(name, "be left out for an AE, which has no KL (use a VAE)", value)
    if kind == "ae":
        return 0.0
    if fact is not None:
        return fact * channels
    return 1.0 if beta is None else beta


def validated(**values: Any) -> ModelConfig:
    """Build a `ModelConfig`; the first invalid value becomes one `ParameterError`."""
    try:
        return ModelConfig(**values)
    except ValidationError as error:
        raise parameter_error(error) from None
