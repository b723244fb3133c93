"""Regularisers of the posterior: what keeps the codes in place. One list, one contract."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from zscope.models.heads import Posterior


class Regulariser(ABC):
    """A penalty on the posterior, float32, nats per image."""

    name: ClassVar[str]
    formula: ClassVar[str]

    @abstractmethod
    def penalty(self, posterior: Posterior) -> Tensor:
        """Return the penalty of each image, shape (N,), nats."""


class NoRegulariser(Regulariser):
    """Nothing: the plain autoencoder."""

    name = "none"
    formula = "0"

    def penalty(self, posterior: Posterior) -> Tensor:
        """Zeros, shape (N,)."""
        return torch.zeros(len(posterior.mean), device=posterior.mean.device)


class KullbackLeibler(Regulariser):
    """KL(q(z|x) ‖ N(0, I)) of a diagonal Gaussian (Kingma & Welling 2013, appendix B)."""

    name = "kl"
    formula = "½ Σ (μ² + σ² − 1 − log σ²)"

    def penalty(self, posterior: Posterior) -> Tensor:
        """KL of each image, shape (N,), nats; for a point posterior it is infinite and refused by type."""
        mean, logvar = posterior.mean, posterior.logvar
        if logvar is None:
            raise TypeError("a point posterior has no finite KL; an AE takes the regulariser 'none'")
        return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1)


REGULARISERS: dict[str, Regulariser] = {item.name: item for item in (NoRegulariser(), KullbackLeibler())}
"""Every regulariser by name."""
