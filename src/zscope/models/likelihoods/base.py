"""What every likelihood offers."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from zscope.errors import ParameterError

LEAST_LOG_SCALE = -6.0
"""Learned scales stay above exp(−6) = 0.0025 grey levels of 0 … 1, under one of 255 levels, so that no pixel that is
the same in all images makes the likelihood infinite."""

FIRST_SCALE = 0.3
"""Standard deviation from which learned scales start, grey levels of 0 … 1: about the spread of grey levels, which is
how far an untrained decoder is off."""


class Likelihood(nn.Module, ABC):
    """The distribution of an image given the decoder's output.

    All values are float32 and in nats per image, summed over all pixels and channels.

    Parameters
    ----------
    channels : int
        Channels of the images.
    sigma : float
        Standard deviation of a likelihood that has a fixed one, grey levels of 0 … 1.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    bounded: ClassVar[bool] = True  # whether only images within [0, 1] have a density

    def __init__(self, channels: int = 1, sigma: float = 1.0) -> None:  # noqa: ARG002 - not every one has use for them
        super().__init__()

    @abstractmethod
    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """−log p(x|z) of each image, shape (N,), nats.

        Parameters
        ----------
        output : Tensor of shape (N, C, H, W)
            What the decoder put out.
        images : Tensor of shape (N, C, H, W)
            The images, in [0, 1].
        """

    @abstractmethod
    def mean(self, output: Tensor) -> Tensor:
        """Return the picture to show: the mean of p(x|z), within [0, 1], shape (N, C, H, W)."""

    def check(self, images: Tensor) -> None:
        """Refuse images that have no density: outside [0, 1], or not finite, for a bounded likelihood."""
        if not self.bounded or not images.numel():
            return
        images = images.detach()
        if images.is_contiguous(memory_format=torch.channels_last):
            images = images.permute(0, 2, 3, 1)  # as they lie in memory, or aminmax would copy them
        low, high = (float(bound) for bound in images.aminmax())
        if not (low >= 0 and high <= 1):
            raise ParameterError("images", f"be within [0, 1] for the likelihood {self.name}", f"{low:g} to {high:g}")


def learned_log_scale(first: float, shape: tuple[int, ...] = ()) -> nn.Parameter:
    """Make the parameter that `bounded_log_scale` takes, for scales that start at `first`."""
    start = torch.tensor(first).log() - LEAST_LOG_SCALE
    return nn.Parameter(torch.expm1(start).log().expand(shape).clone())


def bounded_log_scale(parameter: Tensor) -> Tensor:
    """Logarithm of a learned scale: −6 + softplus(parameter), which is the parameter − 6 far above the bound.

    Rybkin et al. 2021, "Simple and Effective VAE Training with Calibrated Decoders", bound log σ in the same way.
    """
    return LEAST_LOG_SCALE + functional.softplus(parameter)
