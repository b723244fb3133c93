"""What a model is made of, as data: everything needed to build it again, and nothing else."""

from typing import Annotated, Any, Literal, Self

import annotated_types as at
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zscope.errors import ParameterError

Positive = Annotated[int, at.Ge(1)]
NonNegative = Annotated[int, at.Ge(0)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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
            raise ValueError(f"kernel must be odd, got {self.kernel}")
        return self


class ModelConfig(BaseModel):
    """The resolved description of an autoencoder.

    Attributes
    ----------
    kind : {"ae", "vae"}
        Plain autoencoder, or variational autoencoder with mean and log-variance.
    shape : (int, int, int)
        Height, width and channels of the images.
    z_dim : int
        Latent dimensions.
    layers : tuple of Layer
        The encoder's convolutions; the decoder has the same ones mirrored.
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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ae", "vae"] = "ae"
    shape: tuple[Positive, Positive, Literal[1, 3]]
    z_dim: Positive
    layers: Annotated[tuple[Layer, ...], at.MinLen(1)]
    extra_dense: tuple[Positive, ...] = ()
    slope: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.3
    batch_norm: bool = False
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    beta: Weight = 0.0
    initialisation: Literal["glorot", "torch"] = "glorot"
    eps_clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = 5.0
    eps_factor: Weight = 1.0

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.shape[2]

    @property
    def fact(self) -> float:
        """The KL weight against the log-likelihood averaged over channels: beta / channels."""
        return self.beta / self.channels


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


def parameter_error(error: ValidationError) -> ParameterError:
    """Turn pydantic's first complaint into one line: name, bound and value."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "config"
    message = first["msg"]
    for prefix in ("Input should ", "String should ", "Value error, "):
        message = message.removeprefix(prefix)
    return ParameterError(name, message, first["input"])
