"""Corruptions of the encoder's images: what a denoising autoencoder has to undo. One list, one contract.

The encoder sees the corrupted images, the loss compares with the clean ones; only in training mode (Vincent et al.
2010, "Stacked Denoising Autoencoders").
"""

from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from zscope.models.parts import Part


class Corruption(Part, ABC):
    """Damage to images."""

    @abstractmethod
    def corrupt(self, images: Tensor) -> Tensor:
        """Return damaged copies, shape (N, C, H, W); the images themselves stay as they are."""


class NoCorruption(Corruption):
    """The images as they are."""

    name = "none"
    formula = "x"

    def corrupt(self, images: Tensor) -> Tensor:
        """Return the images themselves."""
        return images


class GaussianNoise(Corruption):
    """Normal noise on each pixel and channel; the sums are not clipped.

    Attributes
    ----------
    sd : float
        Standard deviation in grey levels from 0 to 1.
    """

    name = "gaussian"
    formula = "x + sd · ε, ε ~ N(0, 1)"

    sd: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1

    def corrupt(self, images: Tensor) -> Tensor:
        """Add the noise."""
        return images + self.sd * torch.randn_like(images)


class Masking(Corruption):
    """Pixels are set to 0 in all their channels, each with the same probability.

    Attributes
    ----------
    share : float
        Expected share of the pixels that are lost.
    """

    name = "masking"
    formula = "x · m, m ~ Bernoulli(1 − share) for each pixel"

    share: Annotated[float, Field(gt=0, lt=1)] = 0.25

    def corrupt(self, images: Tensor) -> Tensor:
        """Set pixels to 0."""
        return images * (torch.rand_like(images[:, :1]) >= self.share)


CORRUPTIONS: dict[str, Corruption] = {item.name: item for item in (NoCorruption(), GaussianNoise(), Masking())}
"""Every corruption by name, with its default options."""
