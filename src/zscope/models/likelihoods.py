"""Likelihoods p(x|z): what the decoder's output means. One list, one contract."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional


class Likelihood(ABC):
    """The distribution of an image given the decoder's output.

    All values are float32 and in nats per image, summed over all pixels and channels.
    """

    name: ClassVar[str]
    formula: ClassVar[str]

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


class Bernoulli(Likelihood):
    """Pixels as Bernoulli means: binary cross-entropy of logits.

    On grey levels (neither 0 nor 1) this is not a normalised likelihood: it lacks the constant of the continuous
    Bernoulli (Loaiza-Ganem & Cunningham 2019), and its floor is the images' own entropy, not zero.
    """

    name = "bernoulli"
    formula = "−Σ x log p + (1 − x) log(1 − p), p = sigmoid(output)"

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Binary cross-entropy in nats, summed over each image."""
        return functional.binary_cross_entropy_with_logits(output, images, reduction="none").sum(dim=(1, 2, 3))

    def mean(self, output: Tensor) -> Tensor:
        """Apply the sigmoid to the output."""
        return torch.sigmoid(output)


class Gaussian(Likelihood):
    """Pixels with Gaussian noise of standard deviation 1: half the squared error and its constant."""

    name = "gaussian"
    formula = "Σ (x − output)² / 2 + log(2π) / 2"

    def negative_log(self, output: Tensor, images: Tensor) -> Tensor:
        """Half the squared error in nats, summed over each image, with the Gaussian's constant."""
        pixels = images[0].numel()
        return 0.5 * (images - output).square().sum(dim=(1, 2, 3)) + 0.5 * pixels * math.log(2 * math.pi)

    def mean(self, output: Tensor) -> Tensor:
        """Clip the output to [0, 1]."""
        return output.clamp(0, 1)


LIKELIHOODS: dict[str, Likelihood] = {likelihood.name: likelihood for likelihood in (Bernoulli(), Gaussian())}
"""Every likelihood by name."""
